//! Manifests as people write them, and the real one.

use std::io::Cursor;
use std::path::PathBuf;

use casekin_reports::manifest::{self, ColumnMap, ManifestError, Row, Sex};

fn rows(text: &str, map: &[&str]) -> Result<Vec<Result<Row, ManifestError>>, ManifestError> {
    let map = ColumnMap::parse(map)?;
    manifest::read(Box::new(Cursor::new(text.as_bytes().to_vec())), None, &map)
        .map(Iterator::collect)
}

fn first(text: &str, map: &[&str]) -> Row {
    rows(text, map).unwrap().remove(0).unwrap()
}

#[test]
fn csv_with_all_columns() {
    let row = first(
        "path,case_id,patient_id,title,report,labels,modality,body_part,date,sex,age,accession,site,stain\n\
         a.png,c1,p1,Mass,\"No mass,\nno effusion\",mass|left; mass ,CT,chest,09.03.2021,female,063Y,A1,north,H&E\n",
        &[],
    );
    assert_eq!(
        (
            row.line,
            row.path.as_str(),
            row.case_id.as_deref(),
            row.patient_id.as_deref()
        ),
        (2, "a.png", Some("c1"), Some("p1"))
    );
    assert_eq!(
        (row.title.as_deref(), row.report.as_deref()),
        (Some("Mass"), Some("No mass,\nno effusion"))
    );
    assert_eq!(row.labels, ["mass", "left"]);
    assert_eq!(
        (row.date.as_deref(), row.sex, row.age_years),
        (Some("2021-03-09"), Some(Sex::F), Some(63.0))
    );
    assert_eq!(
        (row.accession.as_deref(), row.site.as_deref()),
        (Some("A1"), Some("north"))
    );
    assert_eq!(row.extra_labels().collect::<Vec<_>>(), ["stain: H&E"]);
    assert_eq!(row.identifiers.ids, ["p1", "A1"]);
}

#[test]
fn separators_marks_and_jsonl() {
    assert_eq!(
        first("\u{feff}Path;Body Part\na.png;knee\n", &[])
            .body_part
            .as_deref(),
        Some("knee")
    );
    assert_eq!(first("path\tsex\na.png\tM\n", &[]).sex, Some(Sex::M));
    let row = first(
        "{\"file\": \"a.png\", \"labels\": [\"x\", \"y\"], \"age\": 63, \"title\": null}\n\n",
        &["file=path"],
    );
    assert_eq!(
        (
            row.path.as_str(),
            row.labels.len(),
            row.age_years,
            row.title
        ),
        ("a.png", 2, Some(63.0), None)
    );
}

#[test]
fn people_never_become_labels() {
    let row = first(
        "path,Patient Name,DOB,MRN,phone\na.png,\"Doe, Jane\",12.03.1960,778,555\n",
        &[],
    );
    assert!(row.extra.is_empty());
    assert_eq!(
        (
            row.identifiers.names.len(),
            &row.identifiers.dates[0][..],
            row.identifiers.ids.len()
        ),
        (1, "1960-03-12", 2)
    );
    assert!(!format!("{row:?}").contains("Doe"));
}

#[test]
fn a_column_that_can_only_be_the_path_is_the_path() {
    let paths = |text: &str| -> Vec<String> {
        let rows = rows(text, &[]).unwrap();
        rows.into_iter().map(|row| row.unwrap().path).collect()
    };
    assert_eq!(paths("File Name,labels\na.png,x\n"), ["a.png"]);
    assert_eq!(paths("file,path\na.png,b.png\n"), ["b.png"]);
    assert_eq!(paths("{\"image\": \"a.png\", \"age\": 3}\n"), ["a.png"]);
    assert!(
        rows("file,image\na.png,b.png\n", &[]).is_err(),
        "of two, neither is taken"
    );
}

#[test]
fn mistakes_say_what_to_do() {
    let error = rows("picture,notes\na.png,x\n", &[])
        .err()
        .unwrap()
        .to_string();
    insta::assert_snapshot!(error, @r#"line 1: no column says where the pictures are; columns found: picture, notes; name one "path" or add --map COLUMN=path"#);
    let error = ColumnMap::parse(&["file=paht"]).err().unwrap().to_string();
    insta::assert_snapshot!(error, @r#"column "file": there is no field "paht"; write --map COLUMN=FIELD with one of the fields path, case_id, patient_id, title, report, labels, modality, body_part, date, study_offset_days, sex, age, accession, site, name, birth_date, identifier, ignore"#);
    assert!(ColumnMap::parse(&["file"]).is_err() && ColumnMap::parse(&["=path"]).is_err());
    assert!(
        rows("path\na\n", &["nope=title"])
            .err()
            .unwrap()
            .reason
            .contains("does not have")
    );
    let broken = rows("path,date\n,2021-01-01\nb.png,soon\nc.png,1,2,3\n", &[]).unwrap();
    assert_eq!(broken[0].as_ref().unwrap_err().line, 2);
    let kept = broken[1].as_ref().unwrap();
    assert_eq!(
        (
            kept.warnings.len(),
            kept.warnings[0].line,
            &kept.extra[0].1[..]
        ),
        (1, 3, "soon")
    );
    assert!(
        !kept.warnings[0].to_string().contains("soon"),
        "a cell's value is in a warning"
    );
    assert_eq!(broken[2].as_ref().unwrap_err().line, 4);
    let lines = rows(
        "{\"path\": \"a\"}\nnonsense\n{\"path\": \"b\", \"x\": {}}\n{\"path\": \"c\"}",
        &[],
    )
    .unwrap();
    assert_eq!(
        lines.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, false, true]
    );
}

#[test]
fn hostile_manifests_end() {
    assert!(rows("\0\0binary", &[]).is_err());
    assert!(rows("", &[]).is_err());
    let open_quote = format!("path,x\na,\"{}", "y".repeat(9 << 20));
    let read = rows(&open_quote, &[]).unwrap();
    assert!(read.len() == 1 && read[0].as_ref().unwrap_err().reason.contains("quote"));
    let long = format!("{{\"path\": \"{}\"}}", "y".repeat(9 << 20));
    assert_eq!(rows(&long, &[]).unwrap().len(), 1);
}

fn shared() -> Option<PathBuf> {
    let from_env = std::env::var_os("CASEKIN_SHARED").map(PathBuf::from);
    let above = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let beside = above
        .ancestors()
        .map(|dir| dir.join("shared"))
        .find(|dir| dir.join("data").is_dir());
    from_env.or(beside)
}

#[test]
fn the_chest_archive_goes_in_as_it_is() {
    let Some(shared) = shared() else {
        println!("skipped: no shared folder");
        return;
    };
    let map = ColumnMap::parse(&["file=path", "notes=report"]).unwrap();
    let rows: Vec<Row> = manifest::open(&shared.join("data/chest/metadata.csv"), &map)
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(rows.len(), 211);
    let with_report = rows.iter().filter(|r| r.report.is_some()).count();
    assert!(with_report > 150, "{with_report}");
    assert!(
        rows.iter()
            .all(|r| r.modality.as_deref() == Some("X-ray") && r.patient_id.is_some())
    );
    assert_eq!(
        rows.iter()
            .filter(|r| r.age_years.is_none() && !r.warnings.is_empty())
            .count(),
        57
    );
}
