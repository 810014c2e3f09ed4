//! Which column means what.

use super::ManifestError;
use crate::fold::fold;

/// What a manifest's column can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    /// File of the picture or report, relative to the manifest's folder.
    Path,
    /// Groups rows into a case.
    CaseId,
    /// Patient id: becomes a pseudonym.
    PatientId,
    /// Short title of the case.
    Title,
    /// Report text.
    Report,
    /// Labels, split on `|` and `;`.
    Labels,
    /// Modality.
    Modality,
    /// Body part.
    BodyPart,
    /// Study date.
    Date,
    /// Days from a patient's reference day, where dates are withheld.
    StudyOffsetDays,
    /// Sex.
    Sex,
    /// Age.
    Age,
    /// Accession number: sealed.
    Accession,
    /// Site.
    Site,
    /// Name of the patient or a physician: only masked for, never stored.
    Name,
    /// Birth date: only masked for, never stored.
    BirthDate,
    /// Another identifier (record number, phone, address): only masked for, never stored.
    Identifier,
    /// Left out.
    Ignore,
}

/// Each field's own name, then what columns of that meaning are also called.
const NAMES: &[(Field, &[&str])] = &[
    (Field::Path, &["path"]),
    (Field::CaseId, &["case_id"]),
    (Field::PatientId, &["patient_id"]),
    (Field::Title, &["title"]),
    (Field::Report, &["report"]),
    (Field::Labels, &["labels"]),
    (Field::Modality, &["modality"]),
    (Field::BodyPart, &["body_part"]),
    (Field::Date, &["date"]),
    (Field::StudyOffsetDays, &["study_offset_days"]),
    (Field::Sex, &["sex"]),
    (Field::Age, &["age"]),
    (Field::Accession, &["accession"]),
    (Field::Site, &["site"]),
    // A column that names a person must not become a label because nobody mapped it.
    (
        Field::Name,
        &[
            "name",
            "patient_name",
            "patientname",
            "patients_name",
            "first_name",
            "last_name",
            "surname",
            "given_name",
            "family_name",
            "physician",
            "referring_physician",
            "radiologist",
            "pathologist",
        ],
    ),
    (
        Field::BirthDate,
        &[
            "birth_date",
            "birthdate",
            "dob",
            "date_of_birth",
            "patient_birth_date",
            "geburtsdatum",
        ],
    ),
    (
        Field::Identifier,
        &[
            "identifier",
            "mrn",
            "medical_record_number",
            "ssn",
            "address",
            "phone",
            "telephone",
            "email",
            "e_mail",
            "accession_number",
            "study_instance_uid",
            "study_uid",
            "series_instance_uid",
            "sop_instance_uid",
            "patientid",
        ],
    ),
    (Field::Ignore, &["ignore"]),
];

/// Columns that are taken for the path where none bears its name, exactly one of these is there, and nothing is mapped.
const PATH_GUESSES: &[&str] = &[
    "file",
    "filename",
    "file_name",
    "filepath",
    "file_path",
    "image",
    "image_path",
    "image_file",
];

impl Field {
    /// The field's name as `--map COLUMN=FIELD` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(field, _)| *field == self)
            .map_or("", |(_, names)| names[0])
    }

    /// The field of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let wanted = plain(name);
        NAMES
            .iter()
            .find(|(_, names)| names[0] == wanted)
            .map(|(field, _)| *field)
    }

    /// Names of all fields, for messages.
    #[must_use]
    pub fn all_names() -> String {
        NAMES
            .iter()
            .map(|(_, names)| names[0])
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn of_column(column: &str) -> Option<Self> {
        let wanted = plain(column);
        NAMES
            .iter()
            .find(|(_, names)| names.contains(&wanted.as_str()))
            .map(|(field, _)| *field)
    }
}

/// Folded, with one underscore for each run of other characters: "Body Part" is `body_part`.
fn plain(name: &str) -> String {
    let folded = fold(name.trim().trim_start_matches('\u{feff}'));
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join("_")
}

/// Which column means what: the columns' own names, overridden by `--map COLUMN=FIELD`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnMap {
    pairs: Vec<(String, Field)>,
}

impl ColumnMap {
    /// Reads `COLUMN=FIELD` arguments.
    ///
    /// # Errors
    /// A [`ManifestError`] on a missing `=`, an empty column or an unknown field; its remedy lists the fields.
    pub fn parse<S: AsRef<str>>(arguments: &[S]) -> Result<Self, ManifestError> {
        let refuse = |column: Option<String>, reason: String| ManifestError {
            line: 0,
            column,
            reason,
            remedy: format!(
                "write --map COLUMN=FIELD with one of the fields {}",
                Field::all_names()
            ),
        };
        let mut pairs: Vec<(String, Field)> = Vec::with_capacity(arguments.len());
        for argument in arguments {
            // The last "=": a column's name may hold one, a field's never does.
            let Some((column, field)) = argument.as_ref().rsplit_once('=') else {
                return Err(refuse(
                    None,
                    format!("--map {} has no \"=\"", argument.as_ref()),
                ));
            };
            let column = column.trim().to_owned();
            if column.is_empty() {
                return Err(refuse(None, "--map names no column".to_owned()));
            }
            let Some(field) = Field::from_name(field) else {
                return Err(refuse(
                    Some(column),
                    format!("there is no field \"{}\"", field.trim()),
                ));
            };
            pairs.push((column, field));
        }
        Ok(Self { pairs })
    }

    /// What a column means, `None` for a column of no known meaning. A field taken by a mapped column is taken
    /// from the column that carries its name.
    pub(super) fn field_of(&self, column: &str) -> Option<Field> {
        if let Some((_, field)) = self
            .pairs
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(column.trim()))
        {
            return Some(*field);
        }
        let own = Field::of_column(column)?;
        let taken = self.pairs.iter().any(|(_, field)| *field == own) && !own.repeats();
        (!taken).then_some(own)
    }

    /// Whether a column of the header says where the pictures are.
    pub(super) fn names_path(&self, header: &[String]) -> bool {
        header
            .iter()
            .any(|column| self.field_of(column) == Some(Field::Path))
    }

    /// The map with the one column that can only be the path, where no column is named or mapped so.
    pub(super) fn guessing_path(&self, header: &[String]) -> Option<Self> {
        if self.names_path(header) {
            return None;
        }
        let is_guess = |column: &&String| {
            self.field_of(column).is_none() && PATH_GUESSES.contains(&plain(column).as_str())
        };
        let mut guesses = header.iter().filter(is_guess);
        let (Some(column), None) = (guesses.next(), guesses.next()) else {
            return None;
        };
        let mut map = self.clone();
        map.pairs.push((column.trim().to_owned(), Field::Path));
        Some(map)
    }

    /// Mapped columns that a header does not have.
    pub(super) fn missing_in(&self, header: &[String]) -> Option<&str> {
        let has = |wanted: &str| {
            header
                .iter()
                .any(|column| column.trim().eq_ignore_ascii_case(wanted))
        };
        self.pairs
            .iter()
            .map(|(column, _)| column.as_str())
            .find(|column| !has(column))
    }
}

impl Field {
    /// Whether several columns may mean this field.
    pub(super) fn repeats(self) -> bool {
        matches!(
            self,
            Self::Report
                | Self::Labels
                | Self::Name
                | Self::Identifier
                | Self::BirthDate
                | Self::Ignore
        )
    }
}
