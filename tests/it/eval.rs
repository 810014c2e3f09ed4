//! Evaluation and batch queries over drawn cases.

use serde_json::Value;

use crate::support::{Library, text};

fn metric<'a>(report: &'a Value, name: &str) -> &'a Value {
    let rows = report["metrics"].as_array().unwrap();
    rows.iter()
        .find(|row| row["name"] == name)
        .unwrap_or_else(|| panic!("{name} is reported"))
}

#[test]
fn phantoms_are_found_again_far_above_shuffled_labels() {
    let library = Library::new();
    library.ingest_drawn(77_002, 120);
    let (md, svg) = (library.path().join("e.md"), library.path().join("e.svg"));
    let files = ["--md", md.to_str().unwrap(), "--svg", svg.to_str().unwrap()];
    let report = library.json(&[&["eval", "retrieval", "--k", "1,5"], &files[..]].concat());
    let counts = &report["counts"];
    assert_eq!(counts["queries"], 120);
    assert_eq!(counts["cases"], 120);
    assert_eq!(counts["cases_of_unknown_patients"], 0);
    assert_eq!(counts["queries_without_vectors"], 0);
    assert!(
        counts["patients"].as_u64().unwrap() < 120,
        "some patients have two cases"
    );
    for name in ["precision@1", "precision@5", "map", "top1_accuracy"] {
        let row = metric(&report, name);
        let number = |value: &Value| value.as_f64().unwrap();
        let value = number(&row["value"]);
        assert!(value > number(&row["shuffled"]) + 0.2, "{name}: {row}");
        assert!(
            value > number(&row["shuffled_interval"][1]),
            "{name}: {row}"
        );
        assert!(number(&row["interval"][0]) <= value && value <= number(&row["interval"][1]));
    }
    assert!(report["provenance"]["index_seq"].as_u64().unwrap() > 0);
    assert_eq!(report["provenance"]["model"]["demo"], true);
    let (md, svg) = (
        std::fs::read_to_string(md).unwrap(),
        std::fs::read_to_string(svg).unwrap(),
    );
    assert!(md.contains("| precision@5 |") && md.contains("casekin eval retrieval --k 1,5"));
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));

    let compared = library.json(&["eval", "retrieval", "--compare"]);
    let compared = &compared["compared"];
    assert_eq!(compared["metric"], "ndcg@10");
    let value = |name: &str| {
        let ways = compared["ways"].as_array().unwrap();
        let own = ways.iter().find(|way| way["name"] == name);
        own.unwrap()["value"].as_f64().unwrap()
    };
    assert!(value("best view by hindsight") >= value("any view"));
    assert!(value("case") >= value("any view"), "{compared}");
    for pair in compared["differences"].as_array().unwrap() {
        let number = |value: &Value| value.as_f64().unwrap();
        let middle = number(&pair["value"]);
        assert!(number(&pair["interval"][0]) <= middle && middle <= number(&pair["interval"][1]));
    }

    // The same again, to the last digit; and with a filter fewer cases ask.
    let again = library.json(&["eval", "retrieval", "--k", "1,5"]);
    assert_eq!(again["metrics"], report["metrics"]);
    let women = library.json(&["eval", "retrieval", "--filter", "sex=F"]);
    assert!(women["counts"]["queries"].as_u64().unwrap() < 120);

    let unknown = library.run(&["eval", "retrieval", "--label", "no such label"]);
    assert!(!unknown.status.success());
    assert!(text(&unknown.stderr).contains("plain labels are"));
}

/// Two patients whose pictures are alike only within the patient: if a patient could answer its own query, the label
/// would be found every time.
#[test]
fn neither_the_case_nor_its_patient_answers() {
    let library = Library::new();
    let photographs: Vec<Vec<u8>> = (0..200)
        .flat_map(|index| casekin_phantoms::draw_case(77_003, index).images)
        .filter(|image| image.file_name.ends_with(".png"))
        .map(|image| image.bytes)
        .take(2)
        .collect();
    let mut manifest = "path,case_id,patient_id,labels\n".to_owned();
    for (at, (patient, label)) in [("p1", "a"), ("p1", "a"), ("p2", "b"), ("p2", "b")]
        .into_iter()
        .enumerate()
    {
        let name = format!("{at}.png");
        let mut bytes = photographs[usize::from(label == "b")].clone();
        // Other bytes, the same picture.
        bytes.extend([0_u8; 2].repeat(at + 1));
        std::fs::write(library.path().join(&name), bytes).unwrap();
        manifest.push_str(&format!("{name},c{at},{patient},{label}\n"));
    }
    let file = library.path().join("manifest.csv");
    std::fs::write(&file, manifest).unwrap();
    library.json(&["ingest", "--manifest", file.to_str().unwrap()]);
    let report = library.json(&["eval", "retrieval", "--k", "1"]);
    assert_eq!(report["counts"]["queries"], 4);
    assert_eq!(report["counts"]["patients"], 2);
    assert_eq!(report["counts"]["queries_without_vectors"], 0);
    assert_eq!(metric(&report, "precision@1")["value"], 0.0);
    assert_eq!(report["counts"]["queries_without_a_right_answer"], 4);
}

/// A case whose radiograph is the very picture that another case's CT is may not answer for it where CTs alone may.
#[test]
fn what_is_compared_obeys_the_filters() {
    let library = Library::new();
    let photographs: Vec<image::DynamicImage> = (0..200)
        .flat_map(|index| casekin_phantoms::draw_case(77_005, index).images)
        .filter(|image| image.file_name.ends_with(".png"))
        .map(|image| image::load_from_memory(&image.bytes).unwrap())
        .take(3)
        .collect();
    let saved = |name: &str, picture: &image::DynamicImage| {
        picture.save(library.path().join(name)).unwrap();
        name.to_owned()
    };
    let ingest = |rows: &[(String, &str, &str, &str)]| {
        let mut manifest = "path,case_id,modality,labels,report\n".to_owned();
        for (path, case, modality, label) in rows {
            let row = format!("{path},{case},{modality},{label},Impression: A lesion is seen.\n");
            manifest.push_str(&row);
        }
        let file = library.path().join("manifest.csv");
        std::fs::write(&file, manifest).unwrap();
        library.json(&["ingest", "--manifest", file.to_str().unwrap()]);
    };
    let blurred = photographs[0].thumbnail(96, 96).blur(1.0);
    ingest(&[
        (saved("asks.png", &photographs[0]), "asks", "CT", "a"),
        (saved("kin.png", &blurred), "kin", "CT", "a"),
        (saved("other.png", &photographs[1]), "other", "CT", "b"),
        (saved("third.png", &photographs[2]), "third", "CT", "b"),
    ]);
    let of_first_views = |filters: &[&str]| {
        let command = ["eval", "retrieval", "--label", "a", "--compare"];
        let report = library.json(&[&command, filters].concat());
        let ways = report["compared"]["ways"].as_array().unwrap().clone();
        let way = ways.iter().find(|way| way["name"] == "first view").unwrap();
        way["value"].as_f64().unwrap()
    };
    let before = of_first_views(&["--filter", "modality=CT"]);
    // The same pixels in another file.
    ingest(&[(saved("film.bmp", &photographs[0]), "other", "DX", "b")]);
    assert_eq!(of_first_views(&["--filter", "modality=CT"]), before);
    assert!(of_first_views(&[]) < before, "the film is in the way");
}

#[test]
fn a_file_of_queries_becomes_a_table_of_hits() {
    let library = Library::new();
    library.ingest_drawn(77_004, 12);
    let (queries, table) = (
        library.path().join("queries.csv"),
        library.path().join("hits.csv"),
    );
    let finding = casekin_phantoms::draw_case(77_004, 0).title;
    let written = format!(
        "id,text,case,filters,top\n=1+1,{finding},,,3\nb,,no-such-case,,\nc,mass,,colour=red,\nd,zeppelin,,,\n"
    );
    std::fs::write(&queries, written.replace(", ", " ")).unwrap();
    let output = library.run(&[
        "search",
        "--batch",
        queries.to_str().unwrap(),
        "--csv",
        table.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let table = std::fs::read_to_string(table).unwrap();
    let mut lines = table.lines();
    assert_eq!(
        lines.next(),
        Some(
            "line,query,rank,case_id,score,similarity,found_by,labels,note,model,profile,pipeline_version,index_seq"
        )
    );
    let rows: Vec<&str> = lines.collect();
    assert!(
        rows.iter().any(|row| row.starts_with("2,'=1+1,1,")),
        "{table}"
    );
    assert!(
        rows.iter()
            .any(|row| row.starts_with("3,b,,,") && row.contains("no case"))
    );
    assert!(
        rows.iter()
            .any(|row| row.starts_with("4,c,,,") && row.contains("modality"))
    );
    assert!(
        rows.iter()
            .any(|row| row.starts_with("5,d,,,") && row.contains("no case matches")),
        "a query that finds nothing is not passed over: {table}"
    );
}
