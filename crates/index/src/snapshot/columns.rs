//! What the files of columns hold: cases, and the rows of one segment. Words are written once a file, and cases and rows
//! name them by number.

use serde::{Deserialize, Serialize};

use super::damaged;
use crate::rows::{CaseRow, Columns, Place, Row, Segment};
use crate::vocabulary::{ViewFacts, Vocabulary};
use crate::{IndexError, VectorLocation, split_view_key};

/// Every case, in the order of the columns.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct SavedCases {
    /// Labels, sexes, sites; modalities, body parts, lateralities.
    words: [Vec<String>; 6],
    cases: Vec<SavedCase>,
}

#[derive(Serialize, Deserialize)]
struct SavedCase {
    case_no: u64,
    /// Words here and below are numbers from 1 into the file's own words; 0 = unknown.
    labels: Vec<u32>,
    sex: u32,
    site: u32,
    age_years: Option<f32>,
    date: Option<i32>,
    synthetic: bool,
    patient: u64,
    text_hash: u64,
    /// Modality, body part and laterality of images that no view of the case has.
    unseen: Vec<[u32; 3]>,
}

/// The rows of a segment, dead ones included: a row's place is its slot.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct SavedRows {
    /// Modalities, body parts, lateralities, stains.
    words: [Vec<String>; 4],
    rows: Vec<SavedRow>,
}

#[derive(Serialize, Deserialize)]
struct SavedRow {
    key: u64,
    location: VectorLocation,
    words: [u32; 4],
    live: bool,
}

impl SavedCases {
    pub(super) fn of(columns: &Columns) -> Self {
        let shared = &columns.words;
        let mut own = [
            &shared.label,
            &shared.sex,
            &shared.site,
            &shared.modality,
            &shared.body_part,
            &shared.laterality,
        ]
        .map(OwnWords::new);
        let [label, sex, site, modality, body_part, laterality] = &mut own;
        let save = |(_, case): (u32, &CaseRow)| SavedCase {
            case_no: case.case_no,
            labels: case.labels.iter().map(|code| label.of(*code)).collect(),
            sex: sex.of(case.sex),
            site: site.of(case.site),
            age_years: case.age_years,
            date: case.date,
            synthetic: case.synthetic,
            patient: case.patient,
            text_hash: case.text_hash,
            unseen: (case.unseen.iter())
                .map(|one| {
                    [
                        modality.of(one.modality),
                        body_part.of(one.body_part),
                        laterality.of(one.laterality),
                    ]
                })
                .collect(),
        };
        let cases = columns.live_cases().map(save).collect();
        let words = own.map(|own| own.words);
        Self { words, cases }
    }

    /// Columns of these cases, without rows.
    pub(super) fn into_columns(self) -> Columns {
        let mut columns = Columns::default();
        columns.reserve_cases(self.cases.len());
        let words = &mut columns.words;
        let [label, sex, site, modality, body_part, laterality] = [
            codes(&mut words.label, &self.words[0]),
            codes(&mut words.sex, &self.words[1]),
            codes(&mut words.site, &self.words[2]),
            codes(&mut words.modality, &self.words[3]),
            codes(&mut words.body_part, &self.words[4]),
            codes(&mut words.laterality, &self.words[5]),
        ];
        let image = |codes: &[u32; 3]| ViewFacts {
            modality: of(&modality, codes[0]),
            body_part: of(&body_part, codes[1]),
            laterality: of(&laterality, codes[2]),
        };
        for case in self.cases {
            let mut labels = case.labels;
            labels.iter_mut().for_each(|word| *word = of(&label, *word));
            labels.retain(|code| *code != 0);
            labels.sort_unstable();
            labels.dedup();
            let at = columns.index_of(case.case_no);
            let row = CaseRow {
                case_no: case.case_no,
                labels,
                sex: of(&sex, case.sex),
                site: of(&site, case.site),
                age_years: case.age_years,
                date: case.date,
                synthetic: case.synthetic,
                patient: case.patient,
                text_hash: case.text_hash,
                places: Vec::new(),
                unseen: case.unseen.iter().map(image).collect(),
            };
            columns.hold_case(at, row);
        }
        columns
    }
}

impl SavedRows {
    pub(super) fn of(columns: &Columns, segment: &Segment) -> Self {
        let shared = &columns.words;
        let mut own = [
            &shared.modality,
            &shared.body_part,
            &shared.laterality,
            &shared.stain,
        ]
        .map(OwnWords::new);
        let mut save = |row: &Row| {
            let codes = [row.modality, row.body_part, row.laterality, row.stain];
            let words = std::array::from_fn(|at| own[at].of(codes[at]));
            SavedRow {
                key: row.key,
                location: row.location,
                words,
                live: row.live,
            }
        };
        let rows = segment.rows.iter().map(&mut save).collect();
        let words = own.map(|own| own.words);
        Self { words, rows }
    }

    /// Adds these rows as the next segment, and each live one to its case.
    pub(super) fn add_to(self, columns: &mut Columns) -> Result<(), IndexError> {
        let shared = &mut columns.words;
        let [modality, body_part, laterality, stain] = [
            codes(&mut shared.modality, &self.words[0]),
            codes(&mut shared.body_part, &self.words[1]),
            codes(&mut shared.laterality, &self.words[2]),
            codes(&mut shared.stain, &self.words[3]),
        ];
        let number = columns.segments.len() as u32;
        let mut segment = Segment::default();
        segment.reserve(self.rows.len());
        for row in &self.rows {
            if !row.live {
                segment.push(Row::DEAD);
                continue;
            }
            let orphan = || damaged("rows", "a view belongs to no case");
            let case_no = split_view_key(row.key).0;
            let case = columns.by_no.get(case_no).ok_or_else(orphan)?;
            let slot = segment.push(Row {
                key: row.key,
                location: row.location,
                modality: of(&modality, row.words[0]),
                body_part: of(&body_part, row.words[1]),
                laterality: of(&laterality, row.words[2]),
                stain: of(&stain, row.words[3]),
                case,
                live: true,
            });
            if let Some(case) = columns.cases[case as usize].as_mut() {
                let segment = number;
                case.places.push(Place { segment, slot });
            }
        }
        columns.segments.push(segment);
        Ok(())
    }
}

/// The words that a file needs, of those in memory.
struct OwnWords<'a> {
    shared: &'a Vocabulary,
    /// By the code in memory; 0 where it has none yet.
    number: Vec<u32>,
    words: Vec<String>,
}

impl<'a> OwnWords<'a> {
    fn new(shared: &'a Vocabulary) -> Self {
        Self {
            shared,
            number: Vec::new(),
            words: Vec::new(),
        }
    }

    /// The file's number of a word, from 1; 0 where the word is unknown.
    fn of(&mut self, code: u32) -> u32 {
        let Some(word) = self.shared.word(code) else {
            return 0;
        };
        let at = code as usize;
        if self.number.len() <= at {
            self.number.resize(at + 1, 0);
        }
        if self.number[at] == 0 {
            self.words.push(word.to_owned());
            self.number[at] = self.words.len() as u32;
        }
        self.number[at]
    }
}

/// The codes that a file's own words have in memory; the first is of what is unknown.
fn codes(vocabulary: &mut Vocabulary, own: &[String]) -> Vec<u32> {
    let known = own.iter().map(|word| vocabulary.code(Some(word)));
    std::iter::once(0).chain(known).collect()
}

fn of(codes: &[u32], word: u32) -> u32 {
    codes.get(word as usize).copied().unwrap_or(0)
}
