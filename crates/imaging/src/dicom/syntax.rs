//! Transfer syntaxes: how a data set is written and how its pixels are compressed (PS3.5 section 10, PS3.6 annex A).

/// How elements are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding {
    /// VR is written with every element.
    pub explicit: bool,
    /// Most significant byte first.
    pub big_endian: bool,
}

impl Encoding {
    pub(crate) const EXPLICIT_LE: Self = Self {
        explicit: true,
        big_endian: false,
    };
    pub(crate) const IMPLICIT_LE: Self = Self {
        explicit: false,
        big_endian: false,
    };
    pub(crate) const EXPLICIT_BE: Self = Self {
        explicit: true,
        big_endian: true,
    };
}

/// How a frame is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PixelCodec {
    /// Not at all.
    Native,
    /// Native values in fragments.
    EncapsulatedNative,
    /// RLE Lossless (PS3.5 annex G).
    Rle,
    /// ISO 10918-1, lossy or lossless.
    Jpeg,
    /// ISO 14495-1.
    JpegLs,
    /// ISO 15444-1 and -15.
    Jpeg2000,
    /// ISO 18181.
    JpegXl,
    /// Deflate per frame.
    DeflatedFrame,
    /// Known or not, there is no decoder here.
    Unknown,
}

/// A transfer syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// UID as stated, or as guessed from the bytes.
    pub uid: String,
    /// How elements are written.
    pub encoding: Encoding,
    /// The data set after the file meta group is deflated.
    pub deflated: bool,
    /// How frames are compressed.
    pub codec: PixelCodec,
}

impl Syntax {
    /// Every UID has a syntax: an unknown one is read as PS3.5 A.4 asks of all encapsulated ones.
    pub(crate) fn from_uid(uid: &str) -> Self {
        let (encoding, codec) = match uid {
            "1.2.840.10008.1.2" => (Encoding::IMPLICIT_LE, PixelCodec::Native),
            "1.2.840.10008.1.2.2" => (Encoding::EXPLICIT_BE, PixelCodec::Native),
            _ => (Encoding::EXPLICIT_LE, codec_of(uid)),
        };
        let deflated = uid == "1.2.840.10008.1.2.1.99";
        Self {
            uid: uid.to_owned(),
            encoding,
            deflated,
            codec,
        }
    }

    /// The uncompressed syntax of an encoding, for files that state none.
    pub(crate) fn native(encoding: Encoding) -> Self {
        Self::from_uid(match (encoding.explicit, encoding.big_endian) {
            (false, _) => "1.2.840.10008.1.2",
            (true, false) => "1.2.840.10008.1.2.1",
            (true, true) => "1.2.840.10008.1.2.2",
        })
    }

    /// The UID if it is one (digits and dots), for messages: a broken header may hold anything there.
    pub(crate) fn printable_uid(&self) -> String {
        let sound = !self.uid.is_empty()
            && self.uid.len() <= 64
            && self
                .uid
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
        if sound {
            self.uid.clone()
        } else {
            "not a UID".to_owned()
        }
    }

    /// Name in PS3.6, for messages.
    pub(crate) fn name(&self) -> &'static str {
        use dicom_transfer_syntax_registry::{TransferSyntaxIndex as _, TransferSyntaxRegistry};
        TransferSyntaxRegistry
            .get(&self.uid)
            .map_or("an unknown transfer syntax", |syntax| syntax.name())
    }
}

fn codec_of(uid: &str) -> PixelCodec {
    let Some(tail) = uid.strip_prefix("1.2.840.10008.1.2.") else {
        return PixelCodec::Unknown;
    };
    match tail {
        "1" | "1.99" => PixelCodec::Native,
        "1.98" => PixelCodec::EncapsulatedNative,
        "5" => PixelCodec::Rle,
        "8.1" => PixelCodec::DeflatedFrame,
        "4.50" | "4.51" | "4.53" | "4.55" | "4.57" | "4.70" => PixelCodec::Jpeg,
        "4.80" | "4.81" => PixelCodec::JpegLs,
        "4.90" | "4.91" | "4.92" | "4.93" | "4.201" | "4.202" | "4.203" => PixelCodec::Jpeg2000,
        "4.110" | "4.111" | "4.112" => PixelCodec::JpegXl,
        _ => PixelCodec::Unknown,
    }
}
