//! Loops that are compiled twice: for every processor, and for those with AVX2.
//!
//! Belongs here: the choice between the two. Does not: the loops.
//!
//! The compiler makes vectors of plain loops. With AVX2 they are twice as long, and leading zeros are counted by one instruction: without, a push takes
//! 1.2 to 1.4 times as long.
#![allow(unsafe_code)]

use retrocall_words::audio::g711::Law;

/// A loop that is compiled twice. `run` is `inline(always)` in every implementation, and so is all that it calls: a function that is not would be
/// compiled once, without AVX2.
pub(super) trait Loop {
    type Output;

    fn run(self) -> Self::Output;
}

/// Runs a loop as it was compiled for this processor.
#[inline(always)]
pub(super) fn run<L: Loop>(what: L) -> L::Output {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,lzcnt")]
        fn with_avx2<L: Loop>(what: L) -> L::Output {
            what.run()
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("lzcnt") {
            // SAFETY: the processor has both features, as was just seen.
            return unsafe { with_avx2(what) };
        }
    }
    what.run()
}

struct RanksOfLinear<'a>(Law, &'a [i16], &'a mut [i16]);

impl Loop for RanksOfLinear<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        self.0.ranks_of_linear(self.1, self.2)
    }
}

/// Finds the ranks of samples that all come from codes of one law. False if a sample comes from none; `ranks` is worthless then.
pub(in crate::ring) fn ranks_of_linear(law: Law, samples: &[i16], ranks: &mut [i16]) -> bool {
    run(RanksOfLinear(law, samples, ranks))
}

struct RanksOfCodes<'a>(Law, &'a [u8], &'a mut [i16]);

impl Loop for RanksOfCodes<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.0.ranks_of_codes(self.1, self.2);
    }
}

/// Turns codes into ranks.
pub(in crate::ring) fn ranks_of_codes(law: Law, codes: &[u8], ranks: &mut [i16]) {
    run(RanksOfCodes(law, codes, ranks));
}
