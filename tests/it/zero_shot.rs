//! `casekin eval zero-shot` on drawn cases.

use serde_json::Value;

use crate::support::{Library, text};

fn metric(report: &Value, name: &str) -> f64 {
    let rows = report["metrics"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name);
    let row = row.unwrap_or_else(|| panic!("{name} is reported"));
    let (value, interval) = (row["value"].as_f64().unwrap(), &row["interval"]);
    let [low, high] = [0, 1].map(|at| interval[at].as_f64().unwrap());
    assert!(low <= value && value <= high, "{row}");
    value
}

#[test]
fn phantoms_are_told_apart_by_prompts_alone() {
    let library = Library::new();
    let manifest = library.draw(77_005, 80);
    let folder = manifest.parent().unwrap().to_str().unwrap().to_owned();
    let md = library.path().join("report.md");
    let arguments = [
        "eval",
        "zero-shot",
        "--labels",
        manifest.to_str().unwrap(),
        "--md",
        md.to_str().unwrap(),
        &folder,
    ];
    let report = library.json(&arguments);
    println!("{}", report["metrics"]);
    // The manifest is read as it is: the shipped set that knows its labels, its patients, and no class for `normal`.
    assert_eq!(report["prompts"]["name"], "drawn cases");
    let counts = &report["counts"];
    let count = |name: &str| counts[name].as_u64().unwrap();
    assert!(count("pictures") > 80 && count("unlabelled") > 0 && count("unreadable") == 0);
    assert!(count("patients") < count("pictures"));
    assert!(metric(&report, "accuracy") > 0.7 && metric(&report, "macro_auc") > 0.95);
    assert!(metric(&report, "macro_f1") > 0.6 && metric(&report, "weighted_f1") > 0.6);
    let with: u64 = report["labels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["positives"].as_u64().unwrap())
        .sum();
    assert_eq!(with, count("pictures"));
    let notices = report["notices"].to_string();
    assert!(
        notices.contains("demo model") && notices.contains("passed over"),
        "{notices}"
    );
    let md = std::fs::read_to_string(&md).unwrap();
    assert!(
        md.contains("| accuracy |") && md.contains("| pneumothorax |"),
        "{md}"
    );
    assert!(md.contains("casekin eval zero-shot --labels"));

    // The same again, to the last digit.
    assert_eq!(library.json(&arguments)["metrics"], report["metrics"]);
}

#[test]
fn findings_are_present_or_absent_and_a_lost_picture_is_told() {
    let library = Library::new();
    let (folder, mut table) = (
        library.path().join("pictures"),
        "file,pneumothorax,cardiomegaly\n".to_owned(),
    );
    std::fs::create_dir_all(&folder).unwrap();
    let mut drawn = 0;
    for index in 0..600 {
        let case = casekin_phantoms::draw_case(77_006, index);
        let has = |label: &str| case.labels.iter().any(|own| own == label);
        let asked = [has("pneumothorax"), has("cardiomegaly")];
        if !(asked[0] || asked[1] || has("normal") && case.body_part == "chest") || drawn == 24 {
            continue;
        }
        drawn += 1;
        let name = format!("{index}-{}", case.images[0].file_name);
        std::fs::write(folder.join(&name), &case.images[0].bytes).unwrap();
        let [a, b] = asked.map(u8::from);
        table.push_str(&format!("{name},{a},{b}\n"));
    }
    assert!(drawn > 10, "{drawn}");
    table.push_str("lost.png,1,\n");
    let labels = library.path().join("labels.csv");
    std::fs::write(&labels, table).unwrap();
    let prompts = library.path().join("prompts.toml");
    let set = "name = \"two findings\"\n\
        [[finding]]\nlabel = \"pneumothorax\"\nabsent = [\"normal chest radiograph\", \"clear lungs\"]\n\
        present = [\"pneumothorax\", \"collapsed lung\"]\n\
        [[finding]]\nlabel = \"cardiomegaly\"\nabsent = [\"normal chest radiograph\", \"clear lungs\"]\n\
        present = [\"cardiomegaly\", \"enlarged heart\"]\n";
    std::fs::write(&prompts, set).unwrap();
    let arguments = [
        "eval",
        "zero-shot",
        "--prompts",
        prompts.to_str().unwrap(),
        "--labels",
        labels.to_str().unwrap(),
        folder.to_str().unwrap(),
    ];
    let output = library.command(&arguments).arg("--json").output().unwrap();
    // Some of its input failed.
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("{}", report["labels"]);
    assert_eq!(report["unreadable"][0][0], "lost.png");
    assert_eq!(report["counts"]["pictures"], drawn);
    for row in report["labels"].as_array().unwrap() {
        assert!(row["auc"].as_f64().unwrap() > 0.8, "{row}");
        assert!(row["accuracy"].as_f64().is_some());
    }
    assert!(metric(&report, "macro_auc") > 0.8);
    let shown = text(&library.run(&arguments).stdout);
    assert!(shown.contains("Could not be read: lost.png") && shown.contains("| macro_accuracy |"));

    std::fs::write(&labels, "file,label\na.png,zeppelin\n").unwrap();
    let output = library.run(&[
        "eval",
        "zero-shot",
        "--labels",
        labels.to_str().unwrap(),
        folder.to_str().unwrap(),
    ]);
    assert!(!output.status.success());
    let told = text(&output.stderr);
    assert!(
        told.contains("chexpert") && told.contains("--prompts"),
        "{told}"
    );
}
