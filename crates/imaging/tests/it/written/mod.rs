//! Writes small DICOM files, element by element, in explicit little endian.

pub mod slide;

use casekin_imaging::{
    DecodeRequest, ImagingError, Limits, RenderRequest, Rgb8, Source, Stage, StagePixels,
    StageRequest, render, stage,
};

/// A data set under construction; elements must be added in order of their tags.
#[derive(Clone, Default)]
pub struct DataSet(pub Vec<u8>);

impl DataSet {
    /// Adds an element; `value` is padded to even length.
    pub fn with(mut self, tag: u32, vr: &[u8; 2], value: &[u8]) -> Self {
        let pad = if matches!(vr, b"UI" | b"OB" | b"OW") {
            0
        } else {
            b' '
        };
        let mut value = value.to_vec();
        if value.len() % 2 == 1 {
            value.push(pad);
        }
        self.0.extend(((tag >> 16) as u16).to_le_bytes());
        self.0.extend((tag as u16).to_le_bytes());
        self.0.extend(vr);
        if matches!(vr, b"OB" | b"OW" | b"OF" | b"SQ" | b"UN" | b"UT") {
            self.0.extend([0, 0]);
            self.0.extend((value.len() as u32).to_le_bytes());
        } else {
            self.0.extend((value.len() as u16).to_le_bytes());
        }
        self.0.extend(value);
        self
    }

    /// Adds an unsigned 16-bit number.
    pub fn us(self, tag: u32, value: u16) -> Self {
        self.with(tag, b"US", &value.to_le_bytes())
    }

    /// Adds text.
    pub fn text(self, tag: u32, vr: &[u8; 2], value: &str) -> Self {
        self.with(tag, vr, value.as_bytes())
    }

    /// Adds a sequence of one item of defined length.
    pub fn sequence(self, tag: u32, item: DataSet) -> Self {
        let mut value = vec![0xFE, 0xFF, 0x00, 0xE0];
        value.extend((item.0.len() as u32).to_le_bytes());
        value.extend(item.0);
        self.with(tag, b"SQ", &value)
    }

    /// Adds group 0028 for a grey picture of 16-bit signed values, up to Pixel Representation.
    pub fn grey(self, photometric: &str, size_px: [u16; 2], signed: bool) -> Self {
        self.us(0x0028_0002, 1)
            .text(0x0028_0004, b"CS", photometric)
            .us(0x0028_0010, size_px[1])
            .us(0x0028_0011, size_px[0])
            .us(0x0028_0100, 16)
            .us(0x0028_0101, 16)
            .us(0x0028_0102, 15)
            .us(0x0028_0103, u16::from(signed))
    }

    /// Adds Pixel Data of 16-bit words.
    pub fn pixels(self, values: &[i32]) -> Self {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| (*value as u16).to_le_bytes())
            .collect();
        self.with(0x7FE0_0010, b"OW", &bytes)
    }

    /// The data set with preamble and file meta group.
    pub fn file(&self, transfer_syntax: &str) -> Vec<u8> {
        let meta = DataSet::default().text(0x0002_0010, b"UI", transfer_syntax);
        let len = DataSet::default().with(0x0002_0000, b"UL", &(meta.0.len() as u32).to_le_bytes());
        [&[0; 128][..], b"DICM", &len.0, &meta.0, &self.0].concat()
    }

    /// As a source in explicit little endian.
    pub fn source(&self) -> Source {
        Source::from_bytes("made in a test", self.file("1.2.840.10008.1.2.1"))
    }
}

/// A data set with Pixel Data of fragments, with an empty offset table.
pub fn encapsulated(head: DataSet, fragments: &[Vec<u8>]) -> DataSet {
    let mut data_set = head;
    data_set.0.extend([
        0xE0, 0x7F, 0x10, 0x00, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,
    ]);
    data_set.0.extend([0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0]);
    for fragment in fragments {
        let padded = fragment.len().next_multiple_of(2);
        data_set.0.extend([0xFE, 0xFF, 0x00, 0xE0]);
        data_set.0.extend((padded as u32).to_le_bytes());
        data_set.0.extend(fragment);
        data_set
            .0
            .resize(data_set.0.len() + padded - fragment.len(), 0);
    }
    data_set.0.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    data_set
}

/// A start with SOP class CT, a modality and a patient.
pub fn start(modality: &str) -> DataSet {
    DataSet::default()
        .text(0x0008_0016, b"UI", "1.2.840.10008.5.1.4.1.1.2")
        .text(0x0008_0020, b"DA", "20200615")
        .text(0x0008_0060, b"CS", modality)
}

/// A request for everything with default limits.
pub fn request(source: Source) -> DecodeRequest {
    DecodeRequest {
        source,
        limits: Limits::default(),
        thumbnail_px: 64,
        cuts: casekin_imaging::Cuts::default(),
        volume: None,
    }
}

/// What a person sees of frame 1.
pub fn seen(source: Source, window: Option<(f32, f32)>) -> Rgb8 {
    let limits = Limits::default();
    render(&RenderRequest {
        source,
        frame: 1,
        window,
        box_px: None,
        max_px: None,
        limits,
    })
    .unwrap()
}

/// The red channel.
pub fn reds(rgb: &Rgb8) -> Vec<u8> {
    rgb.pixels.chunks(3).map(|pixel| pixel[0]).collect()
}

/// A frame at a stage.
pub fn at_stage(source: Source, frame: u32, wanted: Stage) -> Result<StagePixels, ImagingError> {
    stage(&StageRequest {
        source,
        frame,
        stage: wanted,
        limits: Limits::default(),
    })
}
