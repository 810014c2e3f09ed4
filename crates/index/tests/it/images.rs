//! Images without a view: words find their cases by what the images are, vectors do not, and facets count them.

use std::sync::Arc;

use casekin_index::{
    CaseEntry, CaseFacts, Field, Filter, ImageFacts, Index, NearestQuery, VectorLog, WordsQuery,
};
use tempfile::TempDir;

use crate::support::{Dice, facts, open, open_log, settings, stamp, views};

const DIMENSION: u32 = 16;

fn library() -> (TempDir, Arc<VectorLog>, Index) {
    let root = tempfile::tempdir().unwrap();
    let log = open_log(root.path(), DIMENSION);
    let dir = root.path().join("index");
    let index = Index::open(&dir, &stamp(DIMENSION), Arc::clone(&log), settings()).unwrap();
    (root, log, index)
}

fn image(modality: &str, body_part: &str) -> ImageFacts {
    ImageFacts {
        modality: Some(modality.into()),
        body_part: Some(body_part.into()),
        laterality: None,
    }
}

fn found(index: &Index, filter: &str) -> Vec<u64> {
    let query = WordsQuery {
        affirmed: "effusion".into(),
        filter: Filter::parse(filter).unwrap(),
        ..WordsQuery::default()
    };
    let mut cases: Vec<u64> = (index.rank_by_words(&query).unwrap().iter())
        .map(|(case_no, _)| *case_no)
        .collect();
    cases.sort_unstable();
    assert_eq!(index.count(&query.filter).unwrap(), cases.len() as u64);
    cases
}

fn modalities(index: &Index, filter: &str) -> Vec<(String, u64)> {
    let filter = Filter::parse(filter).unwrap();
    let facets = index.facets(&filter, None).unwrap();
    let mut facets = facets.into_iter();
    facets
        .find(|facet| facet.field == Field::Modality)
        .unwrap()
        .values
}

#[test]
fn words_find_cases_by_images_that_have_no_view() {
    let (root, log, index) = library();
    let radiograph = Dice(3).vector(DIMENSION as usize);
    let entry = |case_no: u64, images: &[ImageFacts], views| CaseEntry {
        case_no,
        facts: CaseFacts {
            images: images.to_vec(),
            ..facts("Effusion", &[])
        },
        report: None,
        views,
    };
    let waiting = entry(1, &[image("ct", "chest"), image("MR", "head")], Vec::new());
    // Its radiograph has a view, its CT does not.
    let both = [image("DX", "CHEST"), image("CT", "abdomen")];
    let both = entry(2, &both, views(&log, 2, "DX", &[radiograph]));
    let told = entry(3, &[], Vec::new());
    index.apply(&[waiting, both, told], &[], 1).unwrap();

    let check = |index: &Index| {
        assert_eq!(found(index, "modality=CT"), [1, 2]);
        assert_eq!(found(index, "modality=MR"), [1]);
        assert_eq!(found(index, "modality=DX"), [2]);
        assert_eq!(found(index, "modality!=CT"), [1, 2, 3]);
        assert_eq!(found(index, "modality=US"), [0; 0]);
        assert_eq!(found(index, "label!=x"), [1, 2, 3]);
        // One image must have all of it.
        let head_ct = ["modality=CT", "body_part=head"].map(|text| Filter::parse(text).unwrap());
        assert_eq!(index.count(&Filter::all_of(head_ct)).unwrap(), 0);
        let counted = |values: &[(&str, u64)]| -> Vec<(String, u64)> {
            let values = values.iter();
            values
                .map(|(value, cases)| ((*value).to_owned(), *cases))
                .collect()
        };
        assert_eq!(
            modalities(index, "label!=x"),
            counted(&[("ct", 2), ("DX", 1), ("MR", 1)])
        );
        assert_eq!(modalities(index, "modality=CT"), counted(&[("ct", 2)]));
    };
    check(&index);
    index.flush().unwrap();
    drop((index, log));
    check(&open(root.path(), DIMENSION, settings()));
}

#[test]
fn vectors_find_no_case_by_an_image_without_a_view() {
    let (_root, log, index) = library();
    let vector = Dice(4).vector(DIMENSION as usize);
    let entry = |views| CaseEntry {
        case_no: 1,
        facts: CaseFacts {
            images: vec![image("DX", "chest"), image("CT", "chest")],
            ..facts("Effusion", &[])
        },
        report: None,
        views,
    };
    let ask = |filter: &str| {
        let query = NearestQuery {
            vectors: vec![vector.clone()],
            filter: Filter::parse(filter).unwrap(),
            ..NearestQuery::default()
        };
        (
            index.rank_by_vectors(&query).unwrap().cases.len(),
            index.matched_views(&query, &[1]).unwrap().len(),
        )
    };
    index.apply(&[entry(Vec::new())], &[], 1).unwrap();
    assert_eq!((ask("modality=CT"), ask("modality!=US")), ((0, 0), (0, 0)));
    let radiograph = views(&log, 1, "DX", std::slice::from_ref(&vector));
    index.apply(&[entry(radiograph)], &[], 2).unwrap();
    assert_eq!(ask("modality=CT"), (0, 0));
    assert_eq!(ask("modality=DX"), (1, 1));
    assert_eq!(ask("modality!=US"), (1, 1));
    assert_eq!(found(&index, "modality=CT"), [1]);
}

#[test]
fn images_are_held_against_a_filter_by_themselves() {
    let (_root, _log, index) = library();
    let entry = CaseEntry {
        case_no: 1,
        facts: CaseFacts {
            sex: Some("F".into()),
            images: vec![image("CT", "chest")],
            ..CaseFacts::default()
        },
        ..CaseEntry::default()
    };
    index.apply(&[entry], &[], 1).unwrap();
    let unknown = ImageFacts::default();
    let asked = vec![image("MR", "chest"), image("ct", "Chest"), unknown];
    let asked = [(1, asked.clone()), (2, asked)];
    for (filter, passes) in [
        ("modality=CT", [false, true, false]),
        ("modality!=CT", [true, false, true]),
        ("sex=F", [true; 3]),
        ("sex=M", [false; 3]),
        ("laterality=L", [false; 3]),
    ] {
        let passing = index
            .passing(&Filter::parse(filter).unwrap(), &asked)
            .unwrap();
        assert_eq!(passing, [passes, [false; 3]], "{filter}");
    }
}

#[test]
fn a_family_is_met_by_whatever_name_a_table_gives_it() {
    let (_root, _log, index) = library();
    let modalities = ["X-ray", "radiography", "DX", "colour fundus photograph", ""];
    let entries = (1..).zip(modalities).map(|(case_no, modality)| CaseEntry {
        case_no,
        facts: CaseFacts {
            images: vec![image(modality, "chest")],
            ..CaseFacts::default()
        },
        ..CaseEntry::default()
    });
    index.apply(&entries.collect::<Vec<_>>(), &[], 1).unwrap();
    let met = |asked: &str| {
        index
            .cases(&Filter::same_family([Some(asked)]), None)
            .unwrap()
    };
    assert_eq!(met("CR"), [1, 2, 3, 5]);
    assert_eq!(met("X ray"), [1, 2, 3, 5]);
    assert_eq!(met("OP"), [4, 5]);
    assert_eq!(met("CT"), [5]);
    assert_eq!(met("thermography"), [5]);
}
