//! From voxel axes to what a radiologist looks at.
//!
//! Axial slices, seen from the feet: the patient's right is at the viewer's left, the front at the top; frame 1 is
//! the lowest. Oblique volumes are not resampled: each voxel axis stands for the direction nearest to it. A volume
//! that is one voxel thick from front to back, or from right to left, is a single coronal or sagittal slice and is
//! shown as one (the patient's right, or front, at the left; the head at the top).

/// Directions of NIfTI's world: to the right, to the front, to the top.
const RIGHT: usize = 0;
const FRONT: usize = 1;
const TOP: usize = 2;

/// A voxel axis, and whether it is walked from its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    pub voxel_axis: usize,
    pub reversed: bool,
}

/// Which voxel axes are columns, rows and slices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Orientation {
    pub columns: Axis,
    pub rows: Axis,
    pub slices: Axis,
}

/// Length of a column of the affine: millimetres from voxel to voxel.
pub(super) fn spacing_mm(affine: &[[f64; 4]; 3], voxel_axis: usize) -> f64 {
    affine
        .iter()
        .map(|row| row[voxel_axis] * row[voxel_axis])
        .sum::<f64>()
        .sqrt()
}

impl Orientation {
    /// Of an affine whose columns are not zero.
    pub(super) fn of(affine: &[[f64; 4]; 3], dims: [usize; 3]) -> Self {
        let cosine = |world: usize, axis: usize| affine[world][axis] / spacing_mm(affine, axis);
        const ORDERS: [[usize; 3]; 6] = [
            [0, 1, 2],
            [0, 2, 1],
            [1, 0, 2],
            [1, 2, 0],
            [2, 0, 1],
            [2, 1, 0],
        ];
        let fit = |order: &[usize; 3]| -> f64 {
            (0..3).map(|world| cosine(world, order[world]).abs()).sum()
        };
        // The first of equally good ones; three cosines are finite, so the comparison is total.
        let order = ORDERS.iter().rev().max_by(|a, b| fit(a).total_cmp(&fit(b)));
        let order = *order.expect("there are six orders");
        let toward = |world: usize| Axis {
            voxel_axis: order[world],
            reversed: cosine(world, order[world]) < 0.0,
        };
        let away = |world: usize| Axis {
            reversed: !toward(world).reversed,
            ..toward(world)
        };
        let thin = |world: usize| dims[order[world]] == 1;
        let (columns, rows, slices) = if !thin(TOP) && thin(FRONT) && !thin(RIGHT) {
            (away(RIGHT), away(TOP), away(FRONT))
        } else if !thin(TOP) && thin(RIGHT) && !thin(FRONT) {
            (away(FRONT), away(TOP), away(RIGHT))
        } else {
            (away(RIGHT), away(FRONT), toward(TOP))
        };
        Self {
            columns,
            rows,
            slices,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(voxel_axis: usize, reversed: bool) -> Axis {
        Axis {
            voxel_axis,
            reversed,
        }
    }

    #[test]
    fn axes_are_found_whatever_way_the_scanner_ran() {
        // RAS: i to the right, j to the front, k to the top.
        let ras = [
            [2.0, 0.0, 0.0, 0.0],
            [0.0, 2.0, 0.0, 0.0],
            [0.0, 0.0, 3.0, 0.0],
        ];
        let found = Orientation::of(&ras, [4, 4, 4]);
        assert_eq!(
            (found.columns, found.rows, found.slices),
            (axis(0, true), axis(1, true), axis(2, false))
        );
        // A sagittal acquisition: i to the back, j down, k to the right, a little oblique.
        let sagittal = [
            [0.0, 0.1, 1.0, 0.0],
            [-1.0, 0.0, 0.1, 0.0],
            [0.1, -1.0, 0.0, 0.0],
        ];
        let found = Orientation::of(&sagittal, [4, 4, 4]);
        assert_eq!(
            (found.columns, found.rows, found.slices),
            (axis(2, true), axis(0, false), axis(1, true))
        );
        let coronal = Orientation::of(&ras, [4, 1, 4]);
        assert_eq!(
            (coronal.columns, coronal.rows),
            (axis(0, true), axis(2, true))
        );
        let sagittal = Orientation::of(&ras, [1, 4, 4]);
        assert_eq!(
            (sagittal.columns, sagittal.rows),
            (axis(1, true), axis(2, true))
        );
    }
}
