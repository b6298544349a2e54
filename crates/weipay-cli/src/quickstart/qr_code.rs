//! A QR code in the terminal: two rows of modules in one line of text.

use qrcode::types::QrError;
use qrcode::{Color, QrCode};

/// Light modules around the code, which a scanner needs to find it (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

/// The lines of a QR code. Dark modules are drawn, so it wants dark on light.
pub(super) fn lines(text: &str) -> Result<Vec<String>, QrError> {
    let code = QrCode::new(text)?;
    let (width, colors) = (code.width(), code.to_colors());
    let is_dark = |x: usize, y: usize| {
        let (Some(x), Some(y)) = (x.checked_sub(QUIET_ZONE), y.checked_sub(QUIET_ZONE)) else { return false };
        x < width && colors.get(y * width + x) == Some(&Color::Dark)
    };
    let size = width + 2 * QUIET_ZONE;
    let line = |y: usize| {
        let module = |x: usize| match (is_dark(x, y), is_dark(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        };
        (0..size).map(module).collect()
    };
    Ok((0..size).step_by(2).map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ISO/IEC 18004 fixes for every code of version 3 (29 modules): the finder patterns, the timing
    /// patterns between them, and light all around.
    #[test]
    fn a_code_url_has_the_patterns_of_a_qr_code_in_its_quiet_zone() {
        let drawn = lines("weixin://wxpay/bizpayurl?pr=abcdefgzz").unwrap();
        let modules: Vec<Vec<bool>> = drawn
            .iter()
            .flat_map(|line| {
                let row = |dark: [char; 2]| line.chars().map(|drawn| dark.contains(&drawn)).collect();
                [row(['█', '▀']), row(['█', '▄'])]
            })
            .collect();
        assert!(modules.len() >= 37 && modules.iter().all(|row| row.len() == 37));
        let finder = ["#######", "#.....#", "#.###.#", "#.###.#", "#.###.#", "#.....#", "#######"];
        for (left, top) in [(4, 4), (26, 4), (4, 26)] {
            for (y, row) in finder.iter().enumerate() {
                for (x, expected) in row.bytes().enumerate() {
                    assert_eq!(modules[top + y][left + x], expected == b'#', "{left} {top} {x} {y}");
                }
            }
        }
        let timing = |place: usize| (modules[10][place], modules[place][10]);
        assert!((12..25).all(|place| timing(place) == (place % 2 == 0, place % 2 == 0)));
        assert!(modules[..4].iter().chain(&modules[33..]).flatten().all(|dark| !dark));
        assert!(modules.iter().all(|row| row[..4].iter().chain(&row[33..]).all(|dark| !dark)));
    }
}
