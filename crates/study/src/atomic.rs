//! Files that appear whole or not at all: a temporary file beside the target, fsync, rename.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::Error;

/// What the names of files that are being written begin with.
const UNFINISHED: &str = ".writing-";

/// Removes what killed writes left in a folder; nobody else may be writing there. A folder that is not there has none.
pub(crate) fn remove_unfinished(folder: &Path) -> Result<(), Error> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) && path.is_file() {
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Writes `path` through `fill`; whoever looks sees the old file or the new one, never a part.
///
/// # Errors
/// The folder cannot be created, `fill` fails, or the file cannot be synced or renamed.
pub(crate) fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<&mut File>) -> Result<(), Error>,
) -> Result<(), Error> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::io("create folder", folder))?;
    let mut temporary = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .tempfile_in(folder)
        .map_err(Error::io("create a temporary file in", folder))?;
    let mut writer = BufWriter::new(temporary.as_file_mut());
    fill(&mut writer)?;
    writer.flush().map_err(Error::io("write", path))?;
    drop(writer);
    temporary.as_file().sync_all().map_err(Error::io("sync", path))?;
    readable_by_all(temporary.as_file(), path)?;
    temporary.persist(path).map_err(|failed| Error::Io {
        attempt: "write",
        path: path.to_path_buf(),
        source: failed.error,
    })?;
    Ok(())
}

/// Temporary files are private; results are for everyone who may read the folder.
#[cfg(unix)]
fn readable_by_all(file: &File, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644)).map_err(Error::io("set permissions of", path))
}

#[cfg(not(unix))]
fn readable_by_all(_file: &File, _path: &Path) -> Result<(), Error> {
    Ok(())
}

/// Writes `bytes` to `path` atomically.
///
/// # Errors
/// The file cannot be written or renamed into place.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    write_with(path, |writer| writer.write_all(bytes).map_err(Error::io("write", path)))
}
