//! Vectors as files, and what the index loses by being fast.

use serde_json::Value;

use crate::support::{Library, holds, text};

#[test]
fn vectors_go_out_with_pseudonyms_alone() {
    let library = Library::new();
    library.ingest_drawn(77_005, 12);
    let (npy, parquet) = (
        library.path().join("v.npy"),
        library.path().join("v.parquet"),
    );
    let told = library.json(&["export", "vectors", "--npy", npy.to_str().unwrap()]);
    let same = library.json(&["export", "vectors", "--parquet", parquet.to_str().unwrap()]);
    assert_eq!(told, same);
    let views = told["views"].as_u64().unwrap() as usize;
    let dimension = told["dimension"].as_u64().unwrap() as usize;
    assert!(told["index_seq"].as_u64().unwrap() > 0);

    let array = std::fs::read(&npy).unwrap();
    assert_eq!(array.len(), 128 + views * dimension * 2);
    assert!(text(&array[..128]).contains(&format!(
        "'<f2', 'fortran_order': False, 'shape': ({views}, {dimension})"
    )));
    let made_by = std::fs::read(npy.with_extension("npy.json")).unwrap();
    let made_by: Value = serde_json::from_slice(&made_by).unwrap();
    assert_eq!(made_by, told);
    let table = std::fs::read_to_string(npy.with_extension("npy.csv")).unwrap();
    assert_eq!(table.lines().count(), views + 1);
    assert!(table.contains("phantom-77005-00003") && table.contains(",p-"));

    let file = std::fs::read(&parquet).unwrap();
    assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
    let model = told["model"]["id"].as_str().unwrap();
    assert!(holds(&file, model) && holds(&file, "phantom-77005-00003"));
    // The first row's vector lies in both, as 16 and as 32 bits.
    let first: Vec<u8> = array[128..128 + dimension * 2]
        .chunks_exact(2)
        .flat_map(|pair| half(u16::from_le_bytes([pair[0], pair[1]])).to_le_bytes())
        .collect();
    assert!(file.windows(first.len()).any(|window| window == first));
    for index in 0..12 {
        let case = casekin_phantoms::draw_case(77_005, index);
        for name in [&case.patient_id, &case.patient_name, &case.accession] {
            assert!(
                !holds(&file, name) && !holds(table.as_bytes(), name),
                "{name}"
            );
        }
    }

    let none = library.run(&["export", "vectors"]);
    assert!(!none.status.success());
    let some = library.json(&[
        "export",
        "vectors",
        "--npy",
        npy.to_str().unwrap(),
        "--filter",
        "sex=F",
    ]);
    assert!(some["views"].as_u64().unwrap() < views as u64);
    let wrong = library.path().join("no/such/folder.npy");
    let wrong = library.run(&["export", "vectors", "--npy", wrong.to_str().unwrap()]);
    assert!(!wrong.status.success() && text(&wrong.stderr).contains("cannot be written"));
    assert!(!library.path().join("v.npy.part").exists());
}

/// A 16-bit float (IEEE 754), as far as normalised vectors need it.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f32::from(bits & 0x3FF));
    sign * match exponent {
        0 => fraction * 2_f32.powi(-24),
        _ => (1.0 + fraction / 1024.0) * 2_f32.powi(exponent - 15),
    }
}

#[test]
fn recall_is_measured_with_and_without_filters() {
    let library = Library::new();
    library.ingest_drawn(77_006, 40);
    let md = library.path().join("recall.md");
    let report = library.json(&[
        "eval",
        "recall",
        "--queries",
        "10",
        "--filter",
        "sex=F|M",
        "--md",
        md.to_str().unwrap(),
    ]);
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows[0]["filter"], "");
    assert_eq!(rows[1]["filter"], "sex=F|M");
    assert!(rows.len() > 2, "facts of the library are filters too");
    // So few views are all looked at.
    for row in rows {
        let recall: Vec<f64> = row["recall"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_f64)
            .collect();
        assert_eq!(recall, [1.0, 1.0], "{row}");
    }
    let md = std::fs::read_to_string(md).unwrap();
    assert!(md.contains("casekin eval recall --k 1,10") && md.contains(r"`sex=F\|M`"));
    let wrong = library.run(&["eval", "recall", "--filter", "colour=red"]);
    assert!(!wrong.status.success());
}
