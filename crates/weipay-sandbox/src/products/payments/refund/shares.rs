//! How the amount of a refund is divided. The documents give the rule `payer_refund = refund × payer_total ÷ total`, and say that
//! the last refund takes what is left.

/// A whole, of which one part is looked at, and what was refunded of both before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Divided {
    pub(super) total: i64,
    pub(super) part: i64,
    /// Of the total.
    pub(super) refunded: i64,
    /// Of the part.
    pub(super) part_refunded: i64,
}

impl Divided {
    /// How much of a refund is of the part. INFERRED(refund-rounding): half a fen is rounded up; neither the
    /// part nor the rest can give back more than there is left of it, so that the last refund takes what is
    /// left of both.
    pub(super) fn share(self, refund: i64) -> i64 {
        let Self { total, part, refunded, part_refunded } = self;
        if total <= 0 {
            return 0;
        }
        let (wide, total_wide) = (i128::from(refund) * i128::from(part), i128::from(total));
        let rounded = (2 * wide + total_wide).div_euclid(2 * total_wide);
        let rounded = i64::try_from(rounded).unwrap_or(refund);
        let left = part - part_refunded;
        let rest_left = (total - part) - (refunded - part_refunded);
        let (most, least) = (left.min(refund).max(0), (refund - rest_left).max(0));
        rounded.min(most).max(least)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_fen_is_rounded_up_and_the_last_refund_takes_the_rest() {
        let (mut refunded, mut part_refunded) = (0, 0);
        let shares: Vec<i64> = [1, 1, 1, 7]
            .into_iter()
            .map(|refund| {
                let share = Divided { total: 10, part: 5, refunded, part_refunded }.share(refund);
                refunded += refund;
                part_refunded += share;
                share
            })
            .collect();
        assert_eq!(shares, [1, 1, 1, 2]);
    }

    #[test]
    fn the_largest_amounts_do_not_overflow() {
        let whole = Divided { total: i64::MAX, part: i64::MAX, refunded: 0, part_refunded: 0 };
        assert_eq!(whole.share(i64::MAX), i64::MAX);
        assert_eq!(Divided { total: 0, part: 0, refunded: 0, part_refunded: 0 }.share(5), 0);
    }

    proptest! {
        #[test]
        fn however_an_amount_is_refunded_the_parts_come_out_whole(
            total in 1i64..500, part in 0i64..500, cuts in proptest::collection::vec(1i64..60, 1..50)
        ) {
            let part = part.min(total);
            let (mut refunded, mut part_refunded) = (0, 0);
            for refund in cuts.into_iter().chain([i64::MAX]) {
                let refund = refund.min(total - refunded);
                if refund == 0 {
                    break;
                }
                let share = Divided { total, part, refunded, part_refunded }.share(refund);
                prop_assert!((0..=refund).contains(&share));
                refunded += refund;
                part_refunded += share;
                prop_assert!(part_refunded <= part && refunded - part_refunded <= total - part);
            }
            prop_assert_eq!((refunded, part_refunded), (total, part));
        }
    }
}
