//! One process at a time in a folder.

use std::fs::{File, TryLockError};
use std::path::Path;

/// Takes the lock that a file stands for, making the file where it is not there. The system frees the lock when the
/// answer is dropped or the process ends, however it ends. `None` when another process holds it.
///
/// # Errors
/// The file cannot be opened or locked.
pub fn lock_file(path: &Path) -> std::io::Result<Option<File>> {
    let file = File::options().create(true).truncate(false).write(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
