//! Lossy JPEG of 12 bits (ISO 10918-1, processes 4, 8 and 12: extended sequential and progressive, Huffman),
//! one component: what DICOM's "JPEG Extended" holds. No crate decodes it. Colour of 12 bits is refused.

mod entropy;
mod inverse_dct;
mod scan;

use entropy::Huffman;
use scan::Scan;

/// Natural position of each coefficient in zigzag order (figure A.6).
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Why a stream was refused.
pub(super) type Reason = &'static str;

/// Whether the frame header states 12 bits.
pub(super) fn is_twelve_bit(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let [0xFF, marker, high, low, tail @ ..] = rest {
        match marker {
            0xC1 | 0xC2 => return tail.first() == Some(&12),
            0xDA => return false,
            _ => {}
        }
        let len = usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(2);
        rest = tail.get(len..).unwrap_or_default();
    }
    false
}

/// Decodes to values from 0 to 4095; the stream must have the stated size.
///
/// # Errors
/// What the stream violates.
pub(super) fn decode(bytes: &[u8], width_px: u32, height_px: u32) -> Result<Vec<u16>, Reason> {
    let mut decoder = Decoder {
        size: (width_px as usize, height_px as usize),
        ..Decoder::default()
    };
    let mut at = 2;
    loop {
        let (marker, segment_at) = next_marker(bytes, at).ok_or("ends before its end marker")?;
        if marker == 0xD9 {
            break;
        }
        let len = bytes
            .get(segment_at..segment_at + 2)
            .ok_or("ends inside a segment")?;
        let end = segment_at + usize::from(u16::from_be_bytes([len[0], len[1]]));
        let segment = bytes
            .get(segment_at + 2..end)
            .ok_or("ends inside a segment")?;
        at = end;
        match marker {
            0xC1 | 0xC2 => decoder.start_frame(segment, marker == 0xC2)?,
            0xC4 => decoder.read_huffman(segment)?,
            0xDB => decoder.read_quantisation(segment)?,
            0xDD => decoder.restart_interval = usize::from(word(segment, 0)?),
            0xDA => at = decoder.read_scan(segment, bytes, end)?,
            0xC0 | 0xC3 | 0xC5..=0xCF => {
                return Err("coding process that this decoder does not know");
            }
            _ => {}
        }
    }
    decoder.finish()
}

/// The next marker from a position, stuffed bytes, fill bytes and restart markers skipped.
fn next_marker(bytes: &[u8], from: usize) -> Option<(u8, usize)> {
    let rest = bytes.get(from..)?;
    let at = rest
        .windows(2)
        .position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 1 | 0xFF | 0xD0..=0xD8))?;
    Some((rest[at + 1], from + at + 2))
}

fn word(segment: &[u8], at: usize) -> Result<u16, Reason> {
    let pair = segment.get(at..at + 2).ok_or("short segment")?;
    Ok(u16::from_be_bytes([pair[0], pair[1]]))
}

#[derive(Default)]
struct Decoder {
    size: (usize, usize),
    quantisation: [Option<[f32; 64]>; 4],
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    restart_interval: usize,
    frame: Option<Frame>,
}

struct Frame {
    progressive: bool,
    quantisation: usize,
    columns: usize,
    /// Coefficients of every block in natural order, row of blocks by row.
    blocks: Vec<[i32; 64]>,
    scans: usize,
}

impl Decoder {
    fn start_frame(&mut self, segment: &[u8], progressive: bool) -> Result<(), Reason> {
        if self.frame.is_some() {
            return Err("two frame headers");
        }
        let [12, _, _, _, _, 1, _, _, table, ..] = segment else {
            return Err("12 bits with more than one component");
        };
        let (height, width) = (
            usize::from(word(segment, 1)?),
            usize::from(word(segment, 3)?),
        );
        if (width, height) != self.size {
            return Err("size differs from the header's");
        }
        let (columns, rows) = (width.div_ceil(8), height.div_ceil(8));
        let blocks = vec![[0; 64]; columns * rows];
        self.frame = Some(Frame {
            progressive,
            quantisation: usize::from(*table & 3),
            columns,
            blocks,
            scans: 0,
        });
        Ok(())
    }

    fn read_huffman(&mut self, mut segment: &[u8]) -> Result<(), Reason> {
        while let [class_and_id, tail @ ..] = segment {
            let (table, rest) = Huffman::read(tail)?;
            let id = usize::from(class_and_id & 3);
            let tables = if class_and_id >> 4 == 0 {
                &mut self.dc
            } else {
                &mut self.ac
            };
            tables[id] = Some(table);
            segment = rest;
        }
        Ok(())
    }

    fn read_quantisation(&mut self, mut segment: &[u8]) -> Result<(), Reason> {
        while let [precision_and_id, tail @ ..] = segment {
            let wide = precision_and_id >> 4 != 0;
            let len = if wide { 128 } else { 64 };
            let values = tail.get(..len).ok_or("short quantisation table")?;
            let mut table = [0.0; 64];
            for (index, natural) in ZIGZAG.into_iter().enumerate() {
                table[natural] = if wide {
                    f32::from(word(values, index * 2)?)
                } else {
                    f32::from(values[index])
                };
            }
            self.quantisation[usize::from(precision_and_id & 3)] = Some(table);
            segment = &tail[len..];
        }
        Ok(())
    }

    /// Decodes one scan; returns where its entropy-coded data ends.
    fn read_scan(&mut self, segment: &[u8], bytes: &[u8], data_at: usize) -> Result<usize, Reason> {
        let frame = self.frame.as_mut().ok_or("scan before the frame header")?;
        let [1, _, tables, first, last, approximation, ..] = *segment else {
            return Err("malformed scan header");
        };
        // A hostile stream could ask for thousands of passes over the same blocks.
        frame.scans += 1;
        if frame.scans > 128 {
            return Err("more than 128 scans");
        }
        let (first, last) = if frame.progressive {
            (usize::from(first), usize::from(last))
        } else {
            (0, 63)
        };
        let (high, low) = if frame.progressive {
            (approximation >> 4, approximation & 15)
        } else {
            (0, 0)
        };
        if first > last || last > 63 || low > 13 || (frame.progressive && first == 0 && last != 0) {
            return Err("malformed scan header");
        }
        let scan = Scan {
            dc: self.dc[usize::from(tables >> 4 & 3)].as_ref(),
            ac: self.ac[usize::from(tables & 3)].as_ref(),
            progressive: frame.progressive,
            first,
            last,
            refines: high != 0,
            shift: u32::from(low),
            restart_interval: self.restart_interval,
        };
        scan.decode(bytes, data_at, &mut frame.blocks)
    }

    fn finish(self) -> Result<Vec<u16>, Reason> {
        let frame = self.frame.ok_or("no frame header")?;
        if frame.scans == 0 {
            return Err("no scan");
        }
        let table = self.quantisation[frame.quantisation].ok_or("no quantisation table")?;
        let (width, height) = self.size;
        let mut values = vec![0; width * height];
        for (index, block) in frame.blocks.iter().enumerate() {
            let (left, top) = (index % frame.columns * 8, index / frame.columns * 8);
            let pixels = inverse_dct::block(block, &table);
            for (row, line) in pixels.chunks_exact(8).enumerate().take(height - top) {
                let start = (top + row) * width + left;
                let len = 8.min(width - left);
                values[start..start + len].copy_from_slice(&line[..len]);
            }
        }
        Ok(values)
    }
}
