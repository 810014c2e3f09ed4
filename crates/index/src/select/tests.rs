//! What values choose, held against a walk over every case.

use super::*;
use crate::{CaseEntry, CaseFacts, ImageFacts, VectorLocation, ViewEntry};

fn entry(case_no: u64, turn: u64) -> CaseEntry {
    let dice = |of: u64| (case_no * 31 + turn * 17) % of;
    let view = |view_no: u32| ViewEntry {
        view_no,
        location: VectorLocation {
            segment: 0,
            offset: case_no * 16 + u64::from(view_no),
            crc32: 0,
        },
        modality: (dice(4) != 0).then(|| ["CT", "MR"][(view_no as usize) % 2].to_owned()),
        body_part: None,
        laterality: None,
        stain: None,
    };
    CaseEntry {
        case_no,
        facts: CaseFacts {
            labels: (0..dice(3)).map(|label| format!("label {label}")).collect(),
            sex: (dice(5) != 0).then(|| "F".to_owned()),
            site: Some(format!("site {}", dice(7))),
            age_years: (dice(6) != 0).then_some(dice(90) as f32 - 2.0),
            date: match dice(8) {
                0 => None,
                // Around both ends of the year, also what is no date.
                1 => Some(20_201_220 + dice(28) as i32),
                _ => Some(20_200_097 + dice(28) as i32),
            },
            synthetic: dice(2) == 0,
            title: String::new(),
            patient: dice(9),
            images: (0..dice(4))
                .map(|at| ImageFacts {
                    modality: ["CT", "MR", "US", ""]
                        .get((at + dice(3)) as usize)
                        .map(|&word| word.to_owned()),
                    body_part: (dice(2) == 0).then(|| "CHEST".to_owned()),
                    laterality: None,
                })
                .collect(),
        },
        report: None,
        views: (0..dice(5) as u32).map(view).collect(),
    }
}

/// What passes by walking over everything.
fn walked<'a>(columns: &'a Columns, filter: &Filter, out: &Excluded<'_>) -> Selection<'a> {
    let test = compile(columns, filter, 0, &mut 0).unwrap();
    let kept = columns.live_cases().filter(|(_, case)| {
        !out.cases.contains(&case.case_no)
            && (case.patient == 0 || !out.patients.contains(&case.patient))
    });
    let mut found = Selection::of_whole(columns, Cow::Owned(RoaringBitmap::new()), test);
    let kept = kept.map(|(at, _)| at).collect();
    walk(columns, &kept, &mut found);
    found
}

#[test]
fn values_choose_what_a_walk_over_every_case_chooses() {
    let mut columns = Columns::default();
    for turn in 0..3 {
        for case_no in 1..=300 {
            match (case_no + turn) % 5 {
                0 => columns.remove(case_no),
                _ => columns.put(&entry(case_no, turn), 1, 100).unwrap(),
            }
        }
    }
    let one_by_one = std::mem::take(&mut columns.values);
    columns.index_values();
    assert_eq!(columns.values, one_by_one);
    let parts = [
        "modality=CT",
        "modality=none",
        "site=\"site 3\"",
        "sex=F",
        "label=\"label 1\"",
        "age=20-60",
        "date=20200105-20200120",
        "synthetic=true",
    ];
    let parts: Vec<Filter> = parts
        .iter()
        .filter_map(|part| Filter::parse(part).ok())
        .collect();
    assert!(parts.len() >= 4, "filters that are understood: {parts:?}");
    let between = |field, min, max| Filter::Between { field, min, max };
    let mut filters = vec![
        Filter::All,
        Filter::Unknown { field: Field::Sex },
        Filter::Unknown {
            field: Field::Modality,
        },
        Filter::same_family([Some("US")]),
        Filter::parse("body_part=chest").unwrap(),
        between(Field::AgeYears, Some(-1.0), Some(40.0)),
        between(Field::AgeYears, Some(50.0), Some(40.0)),
        between(Field::Date, None, Some(20_200_110.0)),
        between(Field::Date, Some(20_191_215.0), Some(20_201_231.0)),
        between(Field::Date, Some(20_200_101.0), None),
        between(Field::Date, Some(20_190_101.0), Some(20_200_112.0)),
        between(Field::Date, Some(20_200_102.0), Some(20_210_630.0)),
        between(Field::AgeYears, Some(0.0), Some(90.0)),
        between(Field::AgeYears, Some(15.0), Some(72.0)),
        between(Field::AgeYears, Some(-5.0), None),
        between(Field::AgeYears, None, Some(33.0)),
        between(Field::AgeYears, Some(21.5), Some(29.5)),
    ];
    filters.extend(parts);
    let single = filters.clone();
    for (one, other) in single.iter().zip(single.iter().cycle().skip(3)) {
        let both = vec![one.clone(), other.clone()];
        filters.push(Filter::Not(Box::new(one.clone())));
        filters.push(Filter::Not(Box::new(Filter::And(both.clone()))));
        filters.push(Filter::And(both.clone()));
        filters.push(Filter::Or(both));
    }
    let out = Excluded {
        cases: &[3, 7, 999],
        patients: &[0, 4],
    };
    for filter in &filters {
        for out in [&Excluded::default(), &out] {
            let (found, wanted) = (
                select(&columns, filter, out).unwrap(),
                walked(&columns, filter, out),
            );
            assert_eq!(*found.cases(), wanted.partial, "{filter:?}");
            assert_eq!(found.views(), wanted.views(), "{filter:?}");
        }
    }
}
