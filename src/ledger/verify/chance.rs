//! How likely chance alone is to make what was counted: two exact tests.

/// Terms smaller than this share of their sum change no digit of it.
const NEGLIGIBLE: f64 = 1e-17;

/// The natural logarithm of n!: Stirling's series, exact to twelve digits from 16 on, and the product below.
fn ln_factorial(n: u64) -> f64 {
    if n < 16 {
        return (2..=n).map(|factor| factor as f64).product::<f64>().ln();
    }
    let x = n as f64;
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    x.mul_add(x.ln(), -x) + 0.5 * (std::f64::consts::TAU * x).ln() + series
}

fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// Sums terms that only get smaller. `next` is the ratio of a term to the one before.
fn tail(first: f64, count: u64, next: impl Fn(u64) -> f64) -> f64 {
    let (mut term, mut sum) = (first, first);
    for step in 1..=count {
        term *= next(step);
        sum += term;
        if term < sum * NEGLIGIBLE {
            break;
        }
    }
    sum.min(1.0)
}

/// Fisher's exact test, one-sided: of `total` calls `drawn` are drawn and `marked` have a mark; how likely it is that `both` of them or more are both.
/// 1 if it is no more than expected.
pub(super) fn fisher(both: u64, marked: u64, drawn: u64, total: u64) -> f64 {
    if total == 0 || u128::from(both) * u128::from(total) <= u128::from(marked) * u128::from(drawn) {
        return 1.0;
    }
    let first = ln_choose(marked, both) + ln_choose(total - marked, drawn - both) - ln_choose(total, drawn);
    let (m, d, n) = (marked as f64, drawn as f64, total as f64);
    tail(first.exp(), marked.min(drawn) - both, |step| {
        let before = (both + step - 1) as f64;
        (m - before) * (d - before) / ((before + 1.0) * (n - m - d + before + 1.0))
    })
}

/// The exact binomial test, two-sided by twice the smaller side: of `n` calls each is drawn with probability `p`; how likely it is that as many as
/// `k` are, or as few, or a number as far off.
pub(super) fn binomial(k: u64, n: u64, p: f64) -> f64 {
    if n == 0 {
        return 1.0;
    }
    let first = (k as f64).mul_add(p.ln(), ln_choose(n, k) + (n - k) as f64 * (-p).ln_1p()).exp();
    let odds = p / (1.0 - p);
    let side = if k as f64 > n as f64 * p {
        tail(first, n - k, |step| odds * (n - k + 1 - step) as f64 / (k + step) as f64)
    } else {
        tail(first, k, |step| (k + 1 - step) as f64 / (odds * (n - k + step) as f64))
    };
    (2.0 * side).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= 1e-9 * wanted, "{found}, not {wanted}");
    }

    #[test]
    fn factorials_are_exact_on_both_sides_of_the_border() {
        for n in [0, 1, 2, 15, 16, 17, 30] {
            let exact: f64 = (1..=n).map(|factor| (factor as f64).ln()).sum();
            assert!((ln_factorial(n) - exact).abs() < 1e-12 * exact.max(1.0), "{n}");
        }
    }

    #[test]
    fn exact_tests_come_to_what_counting_all_ways_comes_to() {
        // The lady tasting tea: three of four, or four of four.
        assert_close(fisher(3, 4, 4, 8), 17.0 / 70.0);
        assert_close(fisher(4, 4, 4, 8), 1.0 / 70.0);
        assert_close(fisher(2, 4, 4, 8), 1.0);
        // Ten coins: nine or ten heads, and as many tails.
        assert_close(binomial(9, 10, 0.5), 22.0 / 1024.0);
        assert_close(binomial(1, 10, 0.5), 22.0 / 1024.0);
        assert_close(binomial(5, 10, 0.5), 1.0);
        assert_close(binomial(0, 30, 0.1), 2.0 * 0.9_f64.powi(30));
        assert_close(binomial(3, 3, 0.1), 0.002);
    }

    #[test]
    fn nothing_was_counted_and_nothing_is_found() {
        assert_close(fisher(0, 0, 0, 0), 1.0);
        assert_close(fisher(0, 0, 10, 100), 1.0);
        assert_close(binomial(0, 0, 0.1), 1.0);
    }

    #[test]
    fn two_million_calls_are_no_trouble() {
        let chance = fisher(2_300, 20_000, 200_000, 2_000_000);
        assert!((1e-15..1e-9).contains(&chance), "{chance}");
        let chance = binomial(200_100, 2_000_000, 0.1);
        assert!((0.7..0.9).contains(&chance), "{chance}");
    }
}
