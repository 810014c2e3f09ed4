//! Walks a data set without building it: finds where the header ends and where the pixels lie, and refuses
//! what must not be handed to a parser (nesting that would exhaust the stack, lengths beyond the bytes).
//! Iterative on purpose: depth costs a `Vec` entry, not a stack frame. It never copies a value.

use std::ops::Range;

use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

use super::syntax::Encoding;
use crate::{ImagingError, Limits};

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
pub(crate) const PIXEL_DATA: Tag = Tag(0x7FE0, 0x0010);
pub(crate) const FLOAT_PIXEL_DATA: Tag = Tag(0x7FE0, 0x0008);
pub(crate) const DOUBLE_PIXEL_DATA: Tag = Tag(0x7FE0, 0x0009);
const EXTENDED_OFFSETS: Tag = Tag(0x7FE0, 0x0001);
const UNDEFINED: u32 = u32::MAX;

/// Where the pixels lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PixelPlace {
    /// One run of bytes; `vr` is `None` in implicit data sets.
    Native {
        tag: Tag,
        vr: Option<[u8; 2]>,
        stated_len: u64,
        bytes: Range<usize>,
    },
    /// Fragments, with the offset of each frame's first fragment where a table states them.
    Encapsulated {
        frame_offsets: Vec<u64>,
        fragments: Vec<Range<usize>>,
    },
}

/// What the walk found. All positions count from the start of the data set.
#[derive(Debug)]
pub(crate) struct Scan {
    /// The header: whole root elements before the pixels.
    pub header: Range<usize>,
    /// Parts of the header that the parser cannot read: unknown elements of undefined length.
    pub left_out: Vec<Range<usize>>,
    /// The pixels, if the walk met them.
    pub pixels: Option<PixelPlace>,
    /// The bytes end inside an element.
    pub cut_short: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sequence,
    Item,
    /// Encapsulated pixels inside an item (an icon): its items are bytes, not elements.
    Fragments,
}

struct Level {
    end: Option<usize>,
    kind: Kind,
    encoding: Encoding,
}

struct ElementHead {
    tag: Tag,
    vr: Option<[u8; 2]>,
    len: u32,
    value_at: usize,
}

/// Walks `bytes`. With `fragments` false the pixel element is located but not walked.
///
/// # Errors
/// `ParseDicom` where the bytes are no data set, `StayWithinLimit` for nesting.
pub(crate) fn scan(
    bytes: &[u8],
    encoding: Encoding,
    limits: &Limits,
    fragments: bool,
) -> Result<Scan, ImagingError> {
    let mut walk = Walk {
        bytes,
        levels: Vec::new(),
        position: 0,
        root_at: 0,
        unknown_at: None,
        left_out: Vec::new(),
        extended_offsets: Vec::new(),
        limits,
    };
    loop {
        walk.leave_finished_levels();
        let at_root = walk.levels.is_empty();
        if at_root {
            walk.root_at = walk.position;
            walk.left_out
                .extend(walk.unknown_at.take().map(|at| at..walk.position));
        }
        let encoding = walk.levels.last().map_or(encoding, |level| level.encoding);
        let left = bytes.len() - walk.position;
        if left < 8 {
            // Up to 7 bytes of padding after the last element are common and harmless.
            return Ok(walk.finish(None, !at_root));
        }
        let Some(head) = read_head(bytes, walk.position, encoding)? else {
            return Ok(walk.finish(None, true));
        };
        if at_root && let Some(place) = walk.pixel_place(&head, encoding, fragments) {
            return Ok(walk.finish(Some(place), false));
        }
        if !walk.step(&head, encoding)? {
            return Ok(walk.finish(None, true));
        }
    }
}

struct Walk<'a> {
    bytes: &'a [u8],
    levels: Vec<Level>,
    position: usize,
    root_at: usize,
    /// Where an unknown element of undefined length starts that is being walked.
    unknown_at: Option<usize>,
    left_out: Vec<Range<usize>>,
    extended_offsets: Vec<u64>,
    limits: &'a Limits,
}

impl Walk<'_> {
    fn finish(self, pixels: Option<PixelPlace>, cut_short: bool) -> Scan {
        Scan {
            header: 0..self.root_at,
            left_out: self.left_out,
            pixels,
            cut_short,
        }
    }

    fn leave_finished_levels(&mut self) {
        while self
            .levels
            .last()
            .is_some_and(|level| level.end.is_some_and(|end| self.position >= end))
        {
            self.levels.pop();
        }
    }

    /// Steps over or into one element; `false` when it reaches beyond the bytes.
    fn step(&mut self, head: &ElementHead, encoding: Encoding) -> Result<bool, ImagingError> {
        self.position = head.value_at;
        let context = self.levels.last().map(|level| level.kind);
        let in_items = matches!(context, Some(Kind::Sequence | Kind::Fragments));
        match head.tag {
            ITEM if context == Some(Kind::Sequence) => {
                return self.enter(head, Kind::Item, encoding);
            }
            ITEM if context == Some(Kind::Fragments) => {}
            SEQUENCE_END if in_items => {
                self.levels.pop();
                return Ok(true);
            }
            ITEM_END if !in_items => {
                self.levels.pop();
                return Ok(true);
            }
            // The parser takes these for other things than this walk would, and loses its place.
            _ if in_items || head.tag == ITEM || head.tag == SEQUENCE_END && head.len != 0 => {
                return Err(ImagingError::ParseDicom {
                    reason: "an item or delimiter stands where none may".to_owned(),
                });
            }
            _ if is_sequence(head) => return self.enter_sequence(head, encoding),
            _ => {}
        }
        let end = head.value_at as u64 + u64::from(head.len);
        if end > self.bytes.len() as u64 {
            return Ok(false);
        }
        // The parser reads whole numbers and would lose its place after a rest; what it then takes for a length
        // nobody has looked at.
        if !head.len.is_multiple_of(value_unit(head)) {
            let reason = format!(
                "element {}: its length does not fit its value representation",
                tag_text(head.tag)
            );
            return Err(ImagingError::ParseDicom { reason });
        }
        self.position = end as usize;
        if head.tag == EXTENDED_OFFSETS {
            let value = &self.bytes[head.value_at..self.position];
            self.extended_offsets = value.chunks_exact(8).map(u64_le).collect();
        }
        Ok(true)
    }

    fn enter_sequence(
        &mut self,
        head: &ElementHead,
        encoding: Encoding,
    ) -> Result<bool, ImagingError> {
        // As the parser has it, which would else find lengths where this walk saw bytes.
        let pixels = head.tag == PIXEL_DATA && head.vr != Some(*b"SQ");
        let kind = if pixels {
            Kind::Fragments
        } else {
            Kind::Sequence
        };
        // PS3.5 6.2.2: an unknown VR of undefined length holds implicit little endian. The parser does not know, and is
        // given the data set without it.
        let is_unknown = head.vr == Some(*b"UN") && head.len == UNDEFINED;
        if is_unknown && self.levels.is_empty() {
            self.unknown_at = Some(self.root_at);
        } else if is_unknown && self.unknown_at.is_none() {
            return Err(ImagingError::ParseDicom {
                reason: format!(
                    "element {}: unknown and of undefined length inside a sequence",
                    tag_text(head.tag)
                ),
            });
        }
        let inner = if is_unknown {
            Encoding::IMPLICIT_LE
        } else {
            encoding
        };
        self.enter(head, kind, inner)
    }

    fn enter(
        &mut self,
        head: &ElementHead,
        kind: Kind,
        encoding: Encoding,
    ) -> Result<bool, ImagingError> {
        let end = match head.len {
            UNDEFINED => None,
            len => Some(head.value_at as u64 + u64::from(len)),
        };
        if end.is_some_and(|end| end > self.bytes.len() as u64) {
            return Ok(false);
        }
        self.levels.push(Level {
            end: end.map(|end| end as usize),
            kind,
            encoding,
        });
        let depth = self.levels.len().div_ceil(2) as u64;
        Limits::check(
            "nested sequences",
            depth,
            u64::from(self.limits.max_nesting),
        )?;
        Ok(true)
    }

    fn pixel_place(
        &mut self,
        head: &ElementHead,
        encoding: Encoding,
        fragments: bool,
    ) -> Option<PixelPlace> {
        if ![PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA].contains(&head.tag) {
            return None;
        }
        if head.len == UNDEFINED {
            let (frame_offsets, fragments) = if fragments {
                self.fragments(head.value_at, encoding)
            } else {
                (self.extended_offsets.clone(), Vec::new())
            };
            return Some(PixelPlace::Encapsulated {
                frame_offsets,
                fragments,
            });
        }
        let end =
            (head.value_at as u64 + u64::from(head.len)).min(self.bytes.len() as u64) as usize;
        let stated_len = u64::from(head.len);
        Some(PixelPlace::Native {
            tag: head.tag,
            vr: head.vr,
            stated_len,
            bytes: head.value_at..end,
        })
    }

    /// PS3.5 A.4: the first item is the Basic Offset Table, the others are fragments.
    fn fragments(&self, start: usize, encoding: Encoding) -> (Vec<u64>, Vec<Range<usize>>) {
        let mut items: Vec<Range<usize>> = Vec::new();
        let mut position = start;
        while let Some(head) = read_item_head(self.bytes, position, encoding) {
            if head.tag != ITEM {
                break;
            }
            // A last fragment that is cut short is kept as far as it goes: its codec says what is missing.
            let end =
                (head.value_at as u64 + u64::from(head.len)).min(self.bytes.len() as u64) as usize;
            items.push(head.value_at..end);
            position = end;
        }
        if items.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let table = items.remove(0);
        let mut offsets: Vec<u64> = self.bytes[table]
            .chunks_exact(4)
            .map(|four| u64::from(u32::from_le_bytes([four[0], four[1], four[2], four[3]])))
            .collect();
        if offsets.is_empty() {
            offsets = self.extended_offsets.clone();
        }
        (offsets, items)
    }
}

fn u64_le(eight: &[u8]) -> u64 {
    eight
        .iter()
        .rev()
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

fn is_sequence(head: &ElementHead) -> bool {
    match head.vr {
        Some(vr) => vr == *b"SQ" || head.len == UNDEFINED,
        None => {
            let stated = StandardDataDictionary
                .by_tag(head.tag)
                .map(|entry| entry.vr().relaxed());
            head.len == UNDEFINED || stated == Some(VR::SQ)
        }
    }
}

/// Bytes of one number of an element's values; 1 for text and bytes (PS3.5 6.2).
fn value_unit(head: &ElementHead) -> u32 {
    let vr = match head.vr {
        Some(letters) => VR::from_binary(letters),
        None => StandardDataDictionary
            .by_tag(head.tag)
            .map(|entry| entry.vr().relaxed()),
    };
    match vr {
        Some(VR::US | VR::SS | VR::OW) => 2,
        Some(VR::AT | VR::FL | VR::OF | VR::OL | VR::SL | VR::UL) => 4,
        Some(VR::FD | VR::OD | VR::OV | VR::SV | VR::UV) => 8,
        _ => 1,
    }
}

fn read_u16(bytes: &[u8], at: usize, big_endian: bool) -> u16 {
    let pair = [bytes[at], bytes[at + 1]];
    if big_endian {
        u16::from_be_bytes(pair)
    } else {
        u16::from_le_bytes(pair)
    }
}

fn read_u32(bytes: &[u8], at: usize, big_endian: bool) -> u32 {
    let four = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    if big_endian {
        u32::from_be_bytes(four)
    } else {
        u32::from_le_bytes(four)
    }
}

fn read_item_head(bytes: &[u8], at: usize, encoding: Encoding) -> Option<ElementHead> {
    if bytes.len().saturating_sub(at) < 8 {
        return None;
    }
    let tag = Tag(
        read_u16(bytes, at, encoding.big_endian),
        read_u16(bytes, at + 2, encoding.big_endian),
    );
    Some(ElementHead {
        tag,
        vr: None,
        len: read_u32(bytes, at + 4, encoding.big_endian),
        value_at: at + 8,
    })
}

/// Reads tag, VR and length; at least 8 bytes must be left. `None` when the bytes end inside the head.
fn read_head(
    bytes: &[u8],
    at: usize,
    encoding: Encoding,
) -> Result<Option<ElementHead>, ImagingError> {
    let Some(short) = read_item_head(bytes, at, encoding) else {
        return Ok(None);
    };
    if !encoding.explicit || short.tag.group() == 0xFFFE {
        return Ok(Some(short));
    }
    let vr = [bytes[at + 4], bytes[at + 5]];
    if !vr.iter().all(u8::is_ascii_uppercase) {
        let reason = format!(
            "element {} has no value representation",
            tag_text(short.tag)
        );
        return Err(ImagingError::ParseDicom { reason });
    }
    // PS3.5 7.1.2: representations of later editions have the long form, and the parser takes it so.
    if !has_long_length(vr) && VR::from_binary(vr).is_some() {
        let len = u32::from(read_u16(bytes, at + 6, encoding.big_endian));
        return Ok(Some(ElementHead {
            vr: Some(vr),
            len,
            ..short
        }));
    }
    if bytes.len() - at < 12 {
        return Ok(None);
    }
    let len = read_u32(bytes, at + 8, encoding.big_endian);
    Ok(Some(ElementHead {
        tag: short.tag,
        vr: Some(vr),
        len,
        value_at: at + 12,
    }))
}

/// PS3.5 7.1.2: these VRs have 2 reserved bytes and a length of 4.
pub(crate) fn has_long_length(vr: [u8; 2]) -> bool {
    matches!(
        &vr,
        b"OB"
            | b"OD"
            | b"OF"
            | b"OL"
            | b"OV"
            | b"OW"
            | b"SQ"
            | b"SV"
            | b"UC"
            | b"UN"
            | b"UR"
            | b"UT"
            | b"UV"
    )
}

/// A tag as people write it.
pub(crate) fn tag_text(tag: Tag) -> String {
    format!("({:04X},{:04X})", tag.group(), tag.element())
}
