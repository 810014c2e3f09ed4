//! Pictures of a slide's label and of the whole glass: they show names, and no way leads to them.

use casekin_imaging::{
    ImagingError, Inspection, Limits, RenderRequest, Source, Stage, decode, inspect, render,
};

use crate::slides::{folder, request};
use crate::written::{DataSet, at_stage};

const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const WHOLE_SLIDE: &str = "1.2.840.10008.5.1.4.1.1.77.1.6";
const PHOTO: &str = "1.2.840.10008.5.1.4.1.1.77.1.4";

/// A small grey picture with what slides say of themselves; nothing is said where a text is empty.
fn picture(image_type: &str, class: &str, modality: &str, label_in_image: &str) -> Source {
    let says = |set: DataSet, tag, vr, text: &str| match text {
        "" => set,
        text => set.text(tag, vr, text),
    };
    let set = says(DataSet::default(), 0x0008_0008, b"CS", image_type);
    let set = says(set, 0x0008_0016, b"UI", class);
    let set = says(set, 0x0008_0060, b"CS", modality).grey("MONOCHROME2", [2, 2], false);
    let set = says(set, 0x0048_0010, b"CS", label_in_image).pixels(&[1, 2, 3, 4]);
    Source::from_bytes("made in a test", set.file(EXPLICIT))
}

#[test]
fn slide_labels_are_given_away_at_no_stage() {
    let label = "ORIGINAL\\PRIMARY\\LABEL\\NONE";
    let overview = "ORIGINAL\\PRIMARY\\OVERVIEW\\NONE";
    for withheld in [
        picture(label, WHOLE_SLIDE, "SM", "YES"),
        picture(label, "", "SM", ""),
        picture(overview, "", "SM", "NO"),
        picture(overview, WHOLE_SLIDE, "", ""),
        picture(label, WHOLE_SLIDE, "GM", "NO"),
        picture("DERIVED\\PRIMARY\\THUMBNAIL\\NONE", PHOTO, "XC", "YES"),
        picture("", PHOTO, "", "YES"),
    ] {
        for wanted in [Stage::Stored, Stage::Modality, Stage::Voi, Stage::Rgb] {
            let refused = at_stage(withheld.clone(), 1, wanted).unwrap_err();
            assert!(
                matches!(refused, ImagingError::FindPicture { .. }),
                "{refused}"
            );
        }
        assert!(decode(&request(withheld.clone())).is_err());
        let inspected = inspect(&withheld, &Limits::default()).unwrap();
        assert!(matches!(inspected, Inspection::NotAPicture { .. }));
    }
    for shown in [
        picture("DERIVED\\PRIMARY\\THUMBNAIL\\NONE", PHOTO, "SM", "NO"),
        picture("ORIGINAL\\PRIMARY\\OVERVIEW", PHOTO, "XC", ""),
    ] {
        assert!(at_stage(shown, 1, Stage::Stored).is_ok());
    }
}

/// The file holds a label of 387×463 and a macro picture of 1280×431 beside its levels.
#[test]
fn no_view_of_an_aperio_slide_is_its_label_or_macro() {
    let Some(folder) = folder() else { return };
    let path = folder.join("CMU-1-Small-Region.svs");
    let bytes = std::fs::read(&path).unwrap();
    for (tag, side) in [(256u16, 387u16), (257, 463), (256, 1280), (257, 431)] {
        // An entry of one SHORT or LONG.
        let is_stated = [3u16, 4].iter().any(|kind| {
            let entry = [
                tag.to_le_bytes(),
                kind.to_le_bytes(),
                [1, 0],
                [0, 0],
                side.to_le_bytes(),
            ];
            let entry = entry.concat();
            bytes.windows(entry.len()).any(|window| window == entry)
        });
        assert!(is_stated, "the sample holds both: {side}");
    }
    for frame in 2..=4 {
        let asked = RenderRequest {
            source: Source::Path(path.clone()),
            frame,
            window: None,
            box_px: None,
            max_px: None,
            limits: Limits::default(),
        };
        assert_eq!(
            render(&asked).unwrap_err(),
            ImagingError::SelectFrame { frame, frames: 1 }
        );
    }
    let decoded = decode(&request(Source::Path(path))).unwrap();
    assert_eq!(decoded.header.facts.frames, 1);
    let all = decoded.views.iter().map(|view| &view.rgb);
    for rgb in all.chain([&decoded.thumbnail]) {
        // The shape counts, not the size alone: a smaller copy would show the name as well.
        let shape = f64::from(rgb.width_px) / f64::from(rgb.height_px);
        for (width, height) in [(387.0, 463.0), (1280.0, 431.0)] {
            assert!((shape / (width / height) - 1.0).abs() > 0.02, "{shape}");
        }
    }
}
