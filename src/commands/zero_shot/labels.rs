//! The table of labels: which file shows what. A column `label` names it, several parted by `;` or `|`; or each finding has
//! a column of its own with 1, 0 or, where it is not known, nothing or -1, as CheXpert's tables have it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, bail};
use casekin_engine::{ZeroShotPicture, ZeroShotPrompts};

const FILE_NAMES: [&str; 5] = ["file", "path", "image", "filename", "file_name"];
const LABEL_NAMES: [&str; 3] = ["label", "labels", "class"];
const PATIENT_NAMES: [&str; 2] = ["patient", "patient_id"];
/// Labels that a notice shows.
const SHOWN: usize = 8;

/// A table as it was read.
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    file: usize,
    patient: Option<usize>,
    label: Option<usize>,
}

/// A table as a set of prompts understands it.
pub(super) struct Understood {
    pub pictures: Vec<ZeroShotPicture>,
    pub unlabelled: u64,
    pub notices: Vec<String>,
}

impl Table {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_path(path)
            .with_context(|| format!("the labels {name} cannot be read"))?;
        Self::from_csv(reader).with_context(|| format!("in the labels {name}"))
    }

    fn from_csv(mut reader: csv::Reader<impl std::io::Read>) -> anyhow::Result<Self> {
        let header: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
        let rows = reader.records().map(|row| {
            let row = row?;
            Ok(row.iter().map(str::to_owned).collect())
        });
        let rows = rows.collect::<Result<Vec<_>, csv::Error>>()?;
        let find = |names: &[&str]| {
            header.iter().position(|own| {
                let own = own.trim_start_matches('\u{feff}').to_lowercase();
                names.contains(&own.as_str())
            })
        };
        let Some(file) = find(&FILE_NAMES) else {
            bail!(
                "there is no column `file`; the columns are {}",
                header.join(", ")
            );
        };
        let (patient, label) = (find(&PATIENT_NAMES), find(&LABEL_NAMES));
        if rows.is_empty() {
            bail!("there is no row below the header");
        }
        Ok(Self {
            header,
            rows,
            file,
            patient,
            label,
        })
    }

    /// Rows of which these prompts know a label.
    pub fn known(&self, prompts: &ZeroShotPrompts) -> usize {
        match self.label {
            Some(label) => {
                let knows = |row: &&Vec<String>| {
                    parts(&row[label]).any(|part| prompts.place(part).is_some())
                };
                self.rows.iter().filter(knows).count()
            }
            None if prompts.is_of_classes() => 0,
            // A set of which every column is there is better than one of which some are.
            None => self.rows.len() * self.columns(prompts).iter().flatten().count(),
        }
    }

    /// The column of each finding.
    fn columns(&self, prompts: &ZeroShotPrompts) -> Vec<Option<usize>> {
        let mut columns = vec![None; prompts.labels().count()];
        for (at, name) in self.header.iter().enumerate() {
            if let Some(place) = prompts.place(name) {
                columns[place].get_or_insert(at);
            }
        }
        columns
    }

    pub fn understood(
        &self,
        prompts: &ZeroShotPrompts,
        folder: &Path,
    ) -> anyhow::Result<Understood> {
        let mut understood = match self.label {
            Some(label) => self.by_label(prompts, label)?,
            None => self.by_column(prompts)?,
        };
        for picture in &mut understood.pictures {
            picture.path = folder.join(&picture.name);
        }
        Ok(understood)
    }

    /// Each file once, with all its labels; a file may stand on several lines.
    fn by_label(&self, prompts: &ZeroShotPrompts, label: usize) -> anyhow::Result<Understood> {
        let mut files: BTreeMap<&str, (BTreeSet<usize>, Option<&String>)> = BTreeMap::new();
        let mut strange: BTreeSet<&str> = BTreeSet::new();
        for row in &self.rows {
            let own = files.entry(&row[self.file]).or_default();
            own.1 = own.1.or(self.patient_of(row));
            for part in parts(&row[label]) {
                match prompts.place(part) {
                    Some(place) => drop(own.0.insert(place)),
                    None => drop(strange.insert(part)),
                }
            }
        }
        let (mut pictures, mut unlabelled) = (Vec::new(), 0);
        for (file, (places, patient)) in files {
            if prompts.is_of_classes() {
                if places.is_empty() {
                    unlabelled += 1;
                    continue;
                }
                if places.len() > 1 {
                    let names: Vec<&str> = prompts.labels().collect();
                    let names: Vec<&str> = places.iter().map(|place| names[*place]).collect();
                    bail!("{file} is of several classes: {}", names.join(", "));
                }
            }
            let truth = (0..prompts.labels().count()).map(|at| Some(places.contains(&at)));
            pictures.push(picture(file, patient, truth.collect()));
        }
        let notices = match strange.len() {
            0 => Vec::new(),
            count => {
                let shown: Vec<&str> = strange.into_iter().take(SHOWN).collect();
                let more = if count > SHOWN { ", …" } else { "" };
                vec![format!(
                    "{count} labels are none of the prompts' and were passed over: {}{more}",
                    shown.join(", ")
                )]
            }
        };
        Ok(Understood {
            pictures,
            unlabelled,
            notices,
        })
    }

    fn by_column(&self, prompts: &ZeroShotPrompts) -> anyhow::Result<Understood> {
        let columns = self.columns(prompts);
        if prompts.is_of_classes() || columns.iter().all(Option::is_none) {
            bail!(
                "there is no column `label`, and no column goes by the name of a finding; the columns are {}",
                self.header.join(", ")
            );
        }
        let (mut pictures, mut unlabelled) = (Vec::new(), 0);
        for (number, row) in self.rows.iter().enumerate() {
            let truth = columns.iter().map(|column| match column {
                Some(column) => truth(&row[*column]).with_context(|| {
                    format!("line {}, column {}", number + 2, self.header[*column])
                }),
                None => Ok(None),
            });
            let truth = truth.collect::<anyhow::Result<Vec<_>>>()?;
            if truth.iter().all(Option::is_none) {
                unlabelled += 1;
                continue;
            }
            pictures.push(picture(&row[self.file], self.patient_of(row), truth));
        }
        let names = prompts.labels().zip(&columns);
        let absent: Vec<&str> = names
            .filter(|(_, column)| column.is_none())
            .map(|(name, _)| name)
            .collect();
        let notices = match absent.as_slice() {
            [] => Vec::new(),
            absent => vec![format!("No column says anything of {}", absent.join(", "))],
        };
        Ok(Understood {
            pictures,
            unlabelled,
            notices,
        })
    }

    fn patient_of<'a>(&self, row: &'a [String]) -> Option<&'a String> {
        row.get(self.patient?).filter(|patient| !patient.is_empty())
    }
}

fn picture(file: &str, patient: Option<&String>, truth: Vec<Option<bool>>) -> ZeroShotPicture {
    ZeroShotPicture {
        name: file.to_owned(),
        path: std::path::PathBuf::new(),
        patient: patient.cloned(),
        truth,
    }
}

fn parts(labels: &str) -> impl Iterator<Item = &str> {
    let parts = labels.split([';', '|']).map(str::trim);
    parts.filter(|part| !part.is_empty())
}

fn truth(value: &str) -> anyhow::Result<Option<bool>> {
    match value.to_lowercase().as_str() {
        "1" | "1.0" | "true" | "yes" | "present" => Ok(Some(true)),
        "0" | "0.0" | "false" | "no" | "absent" => Ok(Some(false)),
        "" | "-1" | "-1.0" | "nan" | "unknown" => Ok(None),
        other => bail!("{other:?} is neither 1 nor 0 nor empty"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> anyhow::Result<Table> {
        let mut reader = csv::ReaderBuilder::new();
        Table::from_csv(reader.trim(csv::Trim::All).from_reader(text.as_bytes()))
    }

    fn prompts(text: &str) -> ZeroShotPrompts {
        toml::from_str(text).unwrap()
    }

    const CLASSES: &str = "name = \"t\"\n[[class]]\nlabel = \"cat\"\nprompts = [\"cat\"]\n[[class]]\nlabel = \"dog\"\nprompts = [\"dog\"]";
    const FINDINGS: &str = "name = \"t\"\n[[finding]]\nlabel = \"Lung Opacity\"\nabsent = [\"clear\"]\npresent = [\"opacity\"]\n[[finding]]\nlabel = \"Edema\"\nabsent = [\"dry\"]\npresent = [\"edema\"]";

    #[test]
    fn classes_are_read_once_for_each_file() {
        let table =
            table("path,patient_id,labels\na.png,p1,cat|small\nb.png,p1,dog\nc.png,,fish\n")
                .unwrap();
        let prompts = prompts(CLASSES);
        assert_eq!(table.known(&prompts), 2);
        let understood = table.understood(&prompts, Path::new("/pictures")).unwrap();
        assert_eq!(understood.unlabelled, 1);
        assert!(understood.notices[0].contains("fish, small"));
        let [cat, dog] = understood.pictures.as_slice() else {
            panic!("{}", understood.pictures.len());
        };
        assert_eq!(cat.path, Path::new("/pictures/a.png"));
        assert_eq!(
            (cat.truth.as_slice(), cat.patient.as_deref()),
            ([Some(true), Some(false)].as_slice(), Some("p1"))
        );
        assert_eq!(dog.truth, [Some(false), Some(true)]);
    }

    #[test]
    fn two_classes_of_one_picture_are_a_mistake() {
        let table = table("file,label\na.png,cat\na.png,dog\n").unwrap();
        let error = table
            .understood(&prompts(CLASSES), Path::new(""))
            .err()
            .unwrap();
        assert!(
            error
                .to_string()
                .contains("a.png is of several classes: cat, dog")
        );
    }

    #[test]
    fn findings_have_columns_of_their_own_or_a_list() {
        let wide = table("Path,Sex,Lung Opacity,edema\na,F,1.0,\nb,M,-1,0\nc,M,,\n").unwrap();
        let prompts = prompts(FINDINGS);
        let understood = wide.understood(&prompts, Path::new("")).unwrap();
        let truths: Vec<_> = understood
            .pictures
            .iter()
            .map(|one| one.truth.clone())
            .collect();
        assert_eq!(truths, [[Some(true), None], [None, Some(false)]]);
        assert_eq!(understood.unlabelled, 1);

        let list = table("file,label\na,Edema\nb,\n").unwrap();
        let understood = list.understood(&prompts, Path::new("")).unwrap();
        let truths: Vec<_> = understood
            .pictures
            .iter()
            .map(|one| one.truth.clone())
            .collect();
        assert_eq!(
            truths,
            [[Some(false), Some(true)], [Some(false), Some(false)]]
        );
    }

    #[test]
    fn a_table_that_cannot_be_understood_says_where() {
        let why = |error: anyhow::Error| format!("{error:#}");
        assert!(why(table("name,label\na,b\n").err().unwrap()).contains("no column `file`"));
        assert!(why(table("file,label\n").err().unwrap()).contains("no row"));
        let wide = table("file,edema\na,maybe\n").unwrap();
        let error = why(wide
            .understood(&prompts(FINDINGS), Path::new(""))
            .err()
            .unwrap());
        assert!(
            error.contains("line 2, column edema") && error.contains("maybe"),
            "{error}"
        );
        let neither = table("file,colour\na,red\n").unwrap();
        let error = why(neither
            .understood(&prompts(FINDINGS), Path::new(""))
            .err()
            .unwrap());
        assert!(error.contains("no column `label`"), "{error}");
    }
}
