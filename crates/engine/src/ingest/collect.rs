//! Which files a batch holds, and which text file is the report of which picture. By names alone; only the small
//! index files of Hamamatsu slides are opened, for they name files that must not be taken for pictures.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

/// Bytes that are read of an index file: a line for each JPEG of the slide.
const MOST_INDEX_BYTES: u64 = 1 << 20;
/// Keys of an index file whose values are files of the slide; those of several columns and rows go on with a bracket.
const PART_KEYS: [&str; 4] = ["macroimage", "mapfile", "imagefile", "optimisationfile"];

/// A file to read, with the text that lies beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The file.
    pub path: PathBuf,
    /// Its report: `<stem>.txt` beside it, else the only text file of its folder that is nobody else's.
    pub report: Option<PathBuf>,
}

/// What was found under the given paths.
#[derive(Debug, Default)]
pub struct Collected {
    /// Files that may be pictures, in the order of their names.
    pub candidates: Vec<Candidate>,
    /// Text files that could not be given to one picture or folder.
    pub ambiguous_reports: Vec<PathBuf>,
    /// Paths that could not be read, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// Walks `paths`, recursively and in a stable order. Hidden files and folders are left out; links are followed only
/// where they are named themselves. The JPEGs of a slide in VMS or VMU are no pictures of their own, and its macro
/// picture, which shows the label, is never read: they are left out even where they are named themselves.
pub fn collect(paths: &[PathBuf]) -> Collected {
    let mut collected = Collected::default();
    let mut folders: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        for entry in WalkDir::new(path)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|e| e.depth() == 0 || !is_hidden(e.path()))
        {
            match entry {
                Ok(entry) if entry.path().is_file() => {
                    let folder = entry
                        .path()
                        .parent()
                        .map(Path::to_path_buf)
                        .unwrap_or_default();
                    folders.entry(folder).or_default().push(entry.into_path());
                }
                Ok(_) => {}
                Err(error) => {
                    let at = error.path().unwrap_or(path).to_path_buf();
                    let reason = error
                        .io_error()
                        .map_or_else(|| "a loop of links".to_owned(), ToString::to_string);
                    collected.unreadable.push((at, reason));
                }
            }
        }
    }
    for (folder, mut files) in folders {
        let parts = parts_of_slides(&folder);
        files.retain(|file| !parts.contains(&name_of(file)));
        pair_reports(files, &mut collected);
    }
    collected
}

/// Names of the files that the index files (.vms, .vmu) of a folder name.
fn parts_of_slides(folder: &Path) -> HashSet<String> {
    let here = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut parts = HashSet::new();
    let beside = std::fs::read_dir(here).into_iter().flatten().flatten();
    for path in beside.map(|entry| entry.path()) {
        let ending = path.extension().unwrap_or_default();
        let is_index = ending.eq_ignore_ascii_case("vms") || ending.eq_ignore_ascii_case("vmu");
        // Opening a pipe would wait for a writer.
        if !is_index || !path.is_file() {
            continue;
        }
        let mut index = Vec::new();
        // One that cannot be read is told where it is opened as a slide.
        let read =
            File::open(&path).and_then(|file| file.take(MOST_INDEX_BYTES).read_to_end(&mut index));
        if read.is_ok() {
            parts.extend(parts_in(&String::from_utf8_lossy(&index)));
        }
    }
    parts
}

/// The values of an index file's [`PART_KEYS`], without folders.
fn parts_in(index: &str) -> impl Iterator<Item = String> {
    index.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let (key, _) = key.split_once('(').unwrap_or((key, ""));
        let name = value.rsplit(['/', '\\']).next()?.trim();
        let is_part = PART_KEYS.contains(&key.trim().to_ascii_lowercase().as_str());
        (is_part && !name.is_empty()).then(|| name.to_lowercase())
    })
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().to_lowercase()
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn is_text(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("txt"))
}

fn pair_reports(mut files: Vec<PathBuf>, collected: &mut Collected) {
    files.dedup();
    let (texts, others): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_text(file));
    let mut texts_by_stem: BTreeMap<_, _> = texts
        .into_iter()
        .map(|text| (text.with_extension(""), text))
        .collect();
    let own: Vec<Option<PathBuf>> = others
        .iter()
        .map(|file| {
            let stem = file.with_extension("");
            texts_by_stem
                .get(&stem)
                .or_else(|| texts_by_stem.get(file))
                .cloned()
        })
        .collect();
    texts_by_stem.retain(|_, text| !own.iter().flatten().any(|taken| taken == text));
    let shared: Option<PathBuf> = match texts_by_stem.len() {
        0 => None,
        1 if !others.is_empty() => texts_by_stem.into_values().next(),
        _ => {
            collected
                .ambiguous_reports
                .extend(texts_by_stem.into_values());
            None
        }
    };
    let pairs = others.into_iter().zip(own);
    collected
        .candidates
        .extend(pairs.map(|(path, own)| Candidate {
            path,
            report: own.or_else(|| shared.clone()),
        }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lay(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"x").unwrap();
        }
        dir
    }

    fn reports(dir: &tempfile::TempDir) -> Vec<(String, Option<String>)> {
        let name = |path: &Path| {
            path.strip_prefix(dir.path())
                .unwrap()
                .to_string_lossy()
                .into_owned()
        };
        let collected = collect(&[dir.path().to_path_buf()]);
        collected
            .candidates
            .iter()
            .map(|c| (name(&c.path), c.report.as_deref().map(name)))
            .collect()
    }

    #[test]
    fn a_text_beside_a_picture_is_its_report_and_a_lone_text_is_the_folders() {
        let dir = lay(&["a/1.dcm", "a/2.dcm", "a/2.txt", "a/report.txt", "b/x.png"]);
        let expected = [
            ("a/1.dcm", Some("a/report.txt")),
            ("a/2.dcm", Some("a/2.txt")),
            ("b/x.png", None),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), b.map(str::to_owned)))
            .collect();
        assert_eq!(reports(&dir), expected);
    }

    #[test]
    fn several_texts_that_fit_no_picture_are_told_not_guessed() {
        let dir = lay(&["a/1.dcm", "a/one.txt", "a/two.txt"]);
        let collected = collect(&[dir.path().to_path_buf()]);
        assert_eq!(collected.candidates[0].report, None);
        assert_eq!(collected.ambiguous_reports.len(), 2);
    }

    #[test]
    fn the_files_of_a_vms_slide_are_no_pictures_and_least_of_all_its_macro() {
        let dir = lay(&[
            "a/case 1.jpg",
            "a/case 1(1,0).jpg",
            "a/case 1_map2.jpg",
            "a/Case 1_Macro.JPG",
            "a/case 1.opt",
            "a/photo.jpg",
            "b/case 1_macro.jpg",
        ]);
        let index = "[Virtual Microscope Specimen]\r\nNoJpegColumns=2\r\nImageFile=case 1.jpg\r\n\
                     ImageFile(1,0)=case 1(1,0).jpg\r\nMapFile=case 1_map2.jpg\r\n\
                     OptimisationFile=case 1.opt\r\nMacroImage = C:\\Planted\\case 1_macro.jpg\r\n";
        std::fs::write(dir.path().join("a/case 1.vms"), index).unwrap();
        let found: Vec<String> = reports(&dir).into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, ["a/case 1.vms", "a/photo.jpg", "b/case 1_macro.jpg"]);
        let named = collect(&[dir.path().join("a/Case 1_Macro.JPG")]);
        assert_eq!(named.candidates, []);
    }

    #[test]
    fn hidden_files_are_left_out_and_missing_paths_are_told() {
        let dir = lay(&["a/.DS_Store", ".git/config", "a/1.png"]);
        let collected = collect(&[dir.path().to_path_buf(), dir.path().join("gone")]);
        assert_eq!(collected.candidates.len(), 1);
        assert_eq!(collected.unreadable.len(), 1);
    }
}
