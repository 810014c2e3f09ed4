//! Words in scripts without spaces, polarity as ranks, labels alone, and anything typed.

use casekin_index::{CaseEntry, Index, ReportFields, WordMatch, WordTexts, WordsQuery};
use proptest::prelude::*;

use crate::support::{facts, open, report, settings, text_case};

fn library(entries: &[CaseEntry]) -> (tempfile::TempDir, Index) {
    let root = tempfile::tempdir().unwrap();
    let index = open(root.path(), 8, settings());
    index.apply(entries, &[], 1).unwrap();
    (root, index)
}

fn affirmed(text: &str) -> WordsQuery {
    WordsQuery {
        affirmed: text.into(),
        ..WordsQuery::default()
    }
}

fn cases(found: &[WordMatch]) -> Vec<u64> {
    found.iter().map(|found| found.case_no).collect()
}

fn marked(found: &WordMatch) -> Vec<&str> {
    let passage = &found.passages[0];
    passage
        .marks
        .iter()
        .map(|(from, to)| &passage.text[*from..*to])
        .collect()
}

fn east_asian() -> (tempfile::TempDir, Index) {
    library(&[
        text_case(
            1,
            report(
                "other",
                "右侧大量气胸，肺组织压缩约７０％。",
                "未见胸腔积液。",
            ),
        ),
        text_case(2, report("other", "左側胸腔積液。心臟肥大。", "未見氣胸。")),
        text_case(
            3,
            report(
                "other",
                "右上葉に結節を認める。ﾎﾟﾘｰﾌﾟあり。",
                "気胸は認めない。",
            ),
        ),
        text_case(
            4,
            report(
                "other",
                "우측 흉막 삼출 소견 있음. CT 추적 권고.",
                "기흉 없음.",
            ),
        ),
        text_case(5, report("other", "肺癌術後。ＣＴで再発を疑う。", "")),
        text_case(6, report("other", "心包积液。", "")),
    ])
}

#[test]
fn chinese_japanese_and_korean_are_found() {
    let (_root, index) = east_asian();
    for (text, wanted) in [
        ("气胸", vec![1]),
        ("氣胸", vec![1]),
        ("胸腔积液", vec![2, 6]),
        ("胸腔積液", vec![2, 6]),
        ("\"胸腔积液\"", vec![2]),
        ("心脏肥大", vec![2]),
        ("結節", vec![3]),
        ("ポリープ", vec![3]),
        ("ﾎﾟﾘｰﾌﾟ", vec![3]),
        ("右上葉の結節", vec![3]),
        ("흉막삼출", vec![4]),
        ("흉막 삼출", vec![4]),
        ("\"흉막 삼출\"", vec![4]),
        ("癌", vec![5]),
        ("ct", vec![4, 5]),
        ("70", vec![1]),
        ("기흉", vec![]),
        ("右侧气胸", vec![1]),
        ("\"右侧气胸\"", vec![]),
        ("肝硬变", vec![]),
    ] {
        let mut found = cases(&index.words(&affirmed(text)).unwrap());
        if !text.starts_with("胸腔") {
            found.sort_unstable();
        }
        assert_eq!(found, wanted, "{text}");
    }
}

#[test]
fn denials_in_those_scripts_are_found_as_denials() {
    let (_root, index) = east_asian();
    for (text, case) in [("气胸", 2), ("気胸", 3), ("기흉", 4), ("胸腔積液", 1)] {
        let query = WordsQuery {
            negated: vec![text.into()],
            ..WordsQuery::default()
        };
        let found = index.words(&query).unwrap();
        assert_eq!(cases(&found), [case], "{text}");
        assert_eq!(found[0].passages[0].field, "negated");
    }
}

#[test]
fn marks_lie_on_the_characters_that_matched() {
    let (_root, index) = east_asian();
    let first = |text: &str| index.words(&affirmed(text)).unwrap().remove(0);
    assert_eq!(marked(&first("大量气胸")), ["大量气胸"]);
    assert_eq!(marked(&first("胸腔积液")), ["胸腔積液"]);
    assert_eq!(first("胸腔积液").passages[0].text, "左側胸腔積液。");
    assert_eq!(marked(&first("ポリープ")), ["ﾎﾟﾘｰﾌﾟ"]);
    assert_eq!(marked(&first("癌 ct")), ["癌"]);
}

fn polarities(from: u64) -> [CaseEntry; 4] {
    let with = |at: u64, fields: ReportFields| text_case(from + at, fields);
    let sentence = "Small apical pneumothorax.";
    let plain = || report("en", "The heart size is normal.", "");
    [
        with(
            0,
            report("en", &format!("The heart size is normal.\n{sentence}"), ""),
        ),
        with(
            1,
            ReportFields {
                uncertain: sentence.into(),
                ..plain()
            },
        ),
        with(
            2,
            ReportFields {
                historical: sentence.into(),
                ..plain()
            },
        ),
        with(
            3,
            ReportFields {
                negated: sentence.into(),
                ..plain()
            },
        ),
    ]
}

#[test]
fn affirmed_comes_before_uncertain_before_historical() {
    let mut entries = polarities(1).to_vec();
    let (_root, index) = library(&entries);
    let found = index.words(&affirmed("pneumothorax")).unwrap();
    assert_eq!(cases(&found), [1, 2, 3]);
    let fields: Vec<_> = found
        .iter()
        .map(|one| one.passages[0].field.as_str())
        .collect();
    assert_eq!(fields, ["findings", "uncertain", "historical"]);
    // A finding that is common among the affirmed ones is not the rarer, and so the weightier, for being doubted.
    for case_no in 10..60 {
        let fields = ReportFields {
            uncertain: "Mild thoracic scoliosis.".into(),
            historical: "Remote rib fracture.".into(),
            ..report(
                "en",
                "The heart size is normal.\nSmall apical pneumothorax.",
                "",
            )
        };
        entries.push(text_case(case_no, fields));
    }
    let (_root, index) = library(&entries);
    let found = index
        .words(&WordsQuery {
            k: 100,
            ..affirmed("pneumothorax")
        })
        .unwrap();
    assert_eq!(found.len(), 53);
    assert_eq!(cases(&found)[51..], [2, 3]);
}

#[test]
fn labels_and_reports_are_ways_of_their_own() {
    let mut labelled = text_case(1, report("en", "Clear lungs.", "No effusion."));
    labelled.facts = facts("Chest", &["Effusion", "Edema"]);
    let mut both = text_case(2, report("en", "Moderate effusion.", ""));
    both.facts = facts("Chest", &["Effusion"]);
    let worded = text_case(3, report("en", "Small effusion and clear effusion.", ""));
    let (_root, index) = library(&[labelled, both, worded]);
    let asked = |texts| {
        index
            .words(&WordsQuery {
                texts,
                ..affirmed("effusion")
            })
            .unwrap()
    };
    let sorted = |texts| {
        let mut found = cases(&asked(texts));
        found.sort_unstable();
        found
    };
    assert_eq!(
        cases(&asked(WordTexts::Label)),
        [2, 1],
        "the shorter label text first"
    );
    assert!(
        asked(WordTexts::Label)
            .iter()
            .all(|one| one.matched_labels == ["Effusion"])
    );
    assert_eq!(sorted(WordTexts::Report), [2, 3]);
    assert!(
        asked(WordTexts::Report)
            .iter()
            .all(|one| one.matched_labels.is_empty())
    );
    assert_eq!(sorted(WordTexts::Both), [1, 2, 3]);
    let denied = |texts| {
        let query = WordsQuery {
            texts,
            negated: vec!["effusion".into()],
            ..WordsQuery::default()
        };
        cases(&index.words(&query).unwrap())
    };
    assert_eq!(denied(WordTexts::Report), [1]);
    assert_eq!(denied(WordTexts::Label), [] as [u64; 0]);
}

#[test]
fn whatever_is_typed_is_bounded_words() {
    let (_root, index) = east_asian();
    let repeated = |piece: &str, chars: usize| piece.repeat(chars / piece.chars().count());
    for text in [
        repeated("气胸", 100_000),
        repeated("气胸 ", 100_000),
        format!("\"{}\"", repeated("气胸", 1_000)),
        repeated("x", 100_000),
        repeated("\"", 100_000),
        repeated("\"a b\" ", 100_000),
        "the of and".into(),
        "+ - \" * ( ) : ^ ~ \\ /".into(),
        "。！？；、「」".into(),
        "\u{0}\u{1}\u{7f}\u{200b}\u{202e}\u{feff}".into(),
    ] {
        for texts in [WordTexts::Report, WordTexts::Label, WordTexts::Both] {
            let asked = WordsQuery {
                texts,
                negated: vec![text.clone(); 40],
                ..affirmed(&text)
            };
            index.words(&asked).unwrap();
        }
        if !text.contains('气') {
            assert!(
                index.words(&affirmed(&text)).unwrap().is_empty(),
                "{text:.20}"
            );
        }
    }
    assert_eq!(
        cases(&index.words(&affirmed("气胸\u{0}\u{200b}*")).unwrap()),
        [1]
    );
    assert_eq!(cases(&index.words(&affirmed("\"气胸")).unwrap()), [1]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Nothing that is typed fails; marks are in order, apart, and on character borders.
    #[test]
    fn any_text_and_query_give_sound_marks(
        text in "([a-z气胸積液無ﾎﾟポのー흉Ａé\u{301}²㎜。.\" \n\u{0}]|\\PC){0,80}",
        query in "([a-z气胸積液無ﾎﾟポのー흉Ａé\u{301}²㎜。.\" +*():^~\\\\/\u{0}-]|\\PC){0,80}",
    ) {
        let (_root, index) = library(&[
            text_case(1, report("other", &text, &query)),
            text_case(2, report("en", &query, &text)),
        ]);
        let asked = WordsQuery { negated: vec![text.clone(), query.clone()], ..affirmed(&query) };
        for asked in [asked, affirmed(&query), affirmed(&text)] {
            for found in index.words(&asked).unwrap() {
                prop_assert!(found.score.is_finite());
                for passage in found.passages {
                    let mut last = 0;
                    for (from, to) in passage.marks {
                        prop_assert!(from >= last && from < to);
                        prop_assert!(passage.text.get(from..to).is_some());
                        last = to;
                    }
                }
            }
        }
    }
}
