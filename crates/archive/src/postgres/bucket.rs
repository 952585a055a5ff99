//! Backups in an object store: the files of a backup's folder as objects under a prefix, the manifest last.

use std::path::Path;

use super::backup::{Backup, MANIFEST};
use crate::download::{Bucket, BucketError, DownloadError, Plan, RemoteFile, Upload};
use crate::progress::Progress;

/// Sends the folder of a backup.
///
/// # Errors
/// As [`Upload::send`]; then nothing of it stays.
pub fn send_backup(
    folder: &Path,
    backup: &Backup,
    upload: Upload<'_>,
    progress: &dyn Progress,
) -> Result<(), BucketError> {
    let files: Vec<&str> = backup.files.iter().map(|file| file.path.as_str()).collect();
    upload.send(folder, &files, MANIFEST, progress)
}

/// Fetches a backup into a folder, where it is one like any other: every file is compared with the manifest.
///
/// # Errors
/// [`BucketError::Backup`] where there is no manifest, or files are absent or differ, with the address of each.
pub fn fetch_backup(bucket: &Bucket, folder: &Path, progress: &dyn Progress) -> Result<Backup, BucketError> {
    let fault = |reason: String, hint: &'static str| BucketError::Backup { url: bucket.url_of(""), reason, hint };
    let there = bucket.sizes()?;
    let Some(text) = bucket.text(MANIFEST)? else {
        let hint = "name the prefix that `astrolab data backup` filled";
        return Err(match there.len() {
            0 => fault("nothing is there".to_owned(), hint),
            many => fault(
                format!("it has {many} objects but no {MANIFEST}"),
                "a backup that was killed leaves that: use another one",
            ),
        });
    };
    let backup = Backup::parse(&text).map_err(|(reason, hint)| fault(reason, hint))?;
    let damaged = "the backup is damaged, nothing was restored: use another one";
    let wrong = |file: &&super::BackedFile| there.get(&file.path) != Some(&file.bytes);
    let wrong: Vec<String> = backup
        .files
        .iter()
        .filter(wrong)
        .map(|file| match there.get(&file.path) {
            Some(bytes) => format!("{} has {bytes} bytes, not {}", bucket.url_of(&file.path), file.bytes),
            None => format!("{} is absent", bucket.url_of(&file.path)),
        })
        .collect();
    if !wrong.is_empty() {
        return Err(fault(wrong.join("\n  "), damaged));
    }
    let remote = |file: &super::BackedFile| RemoteFile {
        path: file.path.clone(),
        bytes: file.bytes,
        sha256: Some(file.sha256.clone()),
    };
    let plan = Plan { files: backup.files.iter().map(remote).collect(), without_checksums: Vec::new() };
    let failed = bucket.fetch(&plan, folder, progress)?;
    if !failed.is_empty() {
        let differs = |error: &BucketError| matches!(error, BucketError::Download(DownloadError::Digest { .. }));
        let hint = if failed.iter().any(differs) { damaged } else { "nothing was restored: run the command again" };
        let reasons: Vec<String> = failed.iter().map(ToString::to_string).collect();
        return Err(fault(reasons.join("\n  "), hint));
    }
    let path = folder.join(MANIFEST);
    std::fs::write(&path, text).map_err(DownloadError::io("write", path))?;
    Ok(backup)
}
