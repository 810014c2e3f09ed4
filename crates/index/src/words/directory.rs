//! tantivy's folder without its syncing: a commit costs a dozen fsyncs, and the manifest alone says what is durable.
//! Files that the manifest names are kept until the next one is published, whatever tantivy deletes meanwhile, so
//! opening always finds the text exactly as it was flushed.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
};

use crate::{IndexError, durable};

const META: &str = "meta.json";
const MANAGED: &str = ".managed.json";

/// What is durable of a text index: tantivy's own list of segments, and the files that it needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct DurableText {
    pub(crate) meta: Vec<u8>,
    pub(crate) files: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct UnsyncedDirectory {
    root: PathBuf,
    inner: MmapDirectory,
    /// Names of files that the manifest needs; all of them are synced.
    kept: Arc<RwLock<HashSet<PathBuf>>>,
}

impl UnsyncedDirectory {
    /// Puts the folder back to what is durable, and opens it.
    pub(super) fn open(root: &Path, durable: Option<&DurableText>) -> Result<Self, IndexError> {
        let failed = |action| {
            move |source| IndexError::File {
                action,
                path: root.to_owned(),
                source,
            }
        };
        fs::create_dir_all(root).map_err(failed("create"))?;
        let none = DurableText::default();
        let durable = durable.unwrap_or(&none);
        let kept: HashSet<PathBuf> = durable.files.iter().map(PathBuf::from).collect();
        remove_others(root, &kept).map_err(failed("clear"))?;
        for name in [META, MANAGED] {
            match fs::remove_file(root.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed("clear")(error));
                }
                _ => {}
            }
        }
        if !durable.meta.is_empty() {
            let managed: Vec<&str> = durable
                .files
                .iter()
                .map(String::as_str)
                .chain([META])
                .collect();
            let managed = serde_json::to_vec(&managed).expect("a list of strings serialises");
            fs::write(root.join(MANAGED), managed).map_err(failed("restore"))?;
            fs::write(root.join(META), &durable.meta).map_err(failed("restore"))?;
        }
        let inner = MmapDirectory::open(root).map_err(|error| IndexError::Text {
            action: "open",
            source: Box::new(error.into()),
        })?;
        Ok(Self {
            root: root.to_owned(),
            inner,
            kept: Arc::new(RwLock::new(kept)),
        })
    }

    /// Syncs the files that the present state needs and describes it.
    pub(super) fn sync(&self, needed: HashSet<PathBuf>) -> Result<DurableText, IndexError> {
        let failed = |source| IndexError::File {
            action: "sync",
            path: self.root.clone(),
            source,
        };
        let mut files = Vec::new();
        for name in needed {
            // tantivy names every file that a segment may have; not all of them exist.
            let path = self.root.join(&name);
            if !path.exists() {
                continue;
            }
            let synced = self
                .kept
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(&name);
            if !synced {
                File::open(&path)
                    .and_then(|file| file.sync_all())
                    .map_err(failed)?;
            }
            files.extend(name.to_str().map(str::to_owned));
        }
        files.sort_unstable();
        durable::sync_dir(&self.root)?;
        let meta = fs::read(self.root.join(META)).map_err(failed)?;
        Ok(DurableText { meta, files })
    }

    /// The manifest names this state now: all else may go, and goes.
    pub(super) fn settle(&self, durable: &DurableText) -> Result<(), IndexError> {
        let kept: HashSet<PathBuf> = durable.files.iter().map(PathBuf::from).collect();
        remove_others(&self.root, &kept).map_err(|source| IndexError::File {
            action: "clear",
            path: self.root.clone(),
            source,
        })?;
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = kept;
        durable::sync_dir(&self.root)
    }
}

/// Removes segment files that are not kept; tantivy's lists and locks stay.
fn remove_others(root: &Path, kept: &HashSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        let of_tantivy = name
            .extension()
            .is_some_and(|kind| kind == "json" || kind == "lock");
        if !of_tantivy && !kept.contains(&name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// A file that is flushed but not synced at its end.
struct UnsyncedFile(File);

impl Write for UnsyncedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for UnsyncedFile {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.0.flush()
    }
}

impl Directory for UnsyncedDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.inner.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        if self
            .kept
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(path)
        {
            return Ok(());
        }
        self.inner.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(self.root.join(path));
        let file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OpenWriteError::FileAlreadyExists(path.to_owned()),
            _ => OpenWriteError::wrap_io_error(error, path.to_owned()),
        })?;
        Ok(BufWriter::new(Box::new(UnsyncedFile(file))))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.inner.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        let target = self.root.join(path);
        let unfinished = target.with_extension("unfinished.json");
        fs::write(&unfinished, data)?;
        fs::rename(unfinished, target)
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.inner.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.inner.watch(callback)
    }
}
