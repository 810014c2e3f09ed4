//! Which fragments make up a frame (PS3.5 A.4).

use std::borrow::Cow;
use std::ops::Range;

use dicom_dictionary_std::tags;

use super::attributes::attribute_error;
use crate::ImagingError;

/// Start of image of JPEG and JPEG-LS, start of code stream and signature box of JPEG 2000 and of JPEG XL.
const STARTS: [&[u8]; 5] = [
    &[0xFF, 0xD8],
    &[0xFF, 0x4F, 0xFF, 0x51],
    &[0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50],
    &[0xFF, 0x0A],
    &[0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58],
];
/// Bytes of the longest of them.
pub(super) const START_BYTES: u64 = 6;

/// How a fragment begins a frame, if it does. All frames of an object begin alike: what begins one of another kind may
/// stand in the middle of a frame.
pub(super) fn start_kind(fragment: &[u8]) -> Option<usize> {
    STARTS.iter().position(|start| fragment.starts_with(start))
}

/// Fragments of one object, and which of them start a frame.
pub(super) struct Fragments<'a> {
    pub bytes: &'a [u8],
    pub fragments: &'a [Range<usize>],
    pub frame_offsets: &'a [u64],
    pub frames: u32,
}

impl<'a> Fragments<'a> {
    /// The compressed bytes of a frame (number from 1).
    ///
    /// # Errors
    /// `ReadAttribute` on Pixel Data when the fragments cannot be told apart or are too few.
    pub(super) fn frame(&self, frame: u32) -> Result<Cow<'a, [u8]>, ImagingError> {
        let count = self.fragments.len();
        if count == 0 {
            return Err(attribute_error(tags::PIXEL_DATA, "no fragments"));
        }
        let index = frame as usize - 1;
        if self.frames == 1 {
            return Ok(self.joined(0..count));
        }
        if count == self.frames as usize {
            return Ok(self.joined(index..index + 1));
        }
        let firsts = self.by_offsets().or_else(|| self.by_start_markers());
        let firsts = firsts.ok_or_else(|| {
            let reason = format!(
                "{count} fragments for {} frames and no offset table",
                self.frames
            );
            attribute_error(tags::PIXEL_DATA, reason)
        })?;
        let end = firsts.get(index + 1).copied().unwrap_or(count);
        Ok(self.joined(firsts[index]..end))
    }

    fn joined(&self, which: Range<usize>) -> Cow<'a, [u8]> {
        match &self.fragments[which] {
            [only] => Cow::Borrowed(&self.bytes[only.clone()]),
            several => Cow::Owned(
                several
                    .iter()
                    .flat_map(|part| &self.bytes[part.clone()])
                    .copied()
                    .collect(),
            ),
        }
    }

    /// Index of each frame's first fragment by the offset table; offsets count from the first item's tag.
    fn by_offsets(&self) -> Option<Vec<usize>> {
        if self.frame_offsets.len() != self.frames as usize {
            return None;
        }
        let base = self.fragments.first()?.start.checked_sub(8)? as u64;
        let starts: Vec<u64> = self
            .fragments
            .iter()
            .map(|part| part.start as u64 - 8 - base)
            .collect();
        let firsts: Option<Vec<usize>> = self
            .frame_offsets
            .iter()
            .map(|offset| starts.binary_search(offset).ok())
            .collect();
        firsts.filter(|firsts| firsts.windows(2).all(|pair| pair[0] < pair[1]))
    }

    fn by_start_markers(&self) -> Option<Vec<usize>> {
        let kind = |index: usize| start_kind(&self.bytes[self.fragments[index].clone()]);
        let of_first = kind(0)?;
        let firsts: Vec<usize> = (0..self.fragments.len())
            .filter(|index| kind(*index) == Some(of_first))
            .collect();
        (firsts.len() == self.frames as usize && firsts.first() == Some(&0)).then_some(firsts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_by_table_and_by_marker() {
        let bytes = [
            0xFF, 0xD8, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xD8,
        ];
        let shifted: Vec<u8> = [0; 8].into_iter().chain(bytes).collect();
        let fragments = [8..12, 20..22, 30..32];
        let of = |frame_offsets| Fragments {
            bytes: &shifted,
            fragments: &fragments,
            frame_offsets,
            frames: 2,
        };
        for table in [&[0, 22][..], &[]] {
            assert_eq!(
                of(table).frame(1).unwrap().as_ref(),
                [0xFF, 0xD8, 1, 2, 3, 4]
            );
            assert_eq!(of(table).frame(2).unwrap().as_ref(), [0xFF, 0xD8]);
        }
        let three_in_four = Fragments {
            frames: 4,
            ..of(&[])
        };
        assert!(three_in_four.frame(1).is_err());
    }
}
