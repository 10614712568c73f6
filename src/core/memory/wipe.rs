//! How plain memory is wiped, and what is left of it in the processor.
#![allow(unsafe_code)]

/// Asks for a word to be fetched, because it is looked at soon. Nothing is read, and nothing happens on processors other than x86-64.
pub fn fetch_soon<T>(word: &T) {
    #[cfg(all(target_arch = "x86_64", not(loom)))]
    // SAFETY: a hint: it has no effect that a program can see.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(word).cast());
    }
    #[cfg(any(not(target_arch = "x86_64"), loom))]
    let _ = word;
}

/// Writes zeros past the caches: they go to memory without fetching what was there, and what others have in the caches stays. Nobody else
/// is sure to see them before [`streamed`].
///
/// # Safety
/// The words are there to be written, begin at 32 bytes, are a multiple of eight, and nobody else reads or writes them.
#[cfg(not(loom))]
pub(super) unsafe fn stream_zeros(start: *mut u64, words: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm_setzero_si128, _mm_stream_si128};
        // SAFETY: within the words, and aligned, as the caller says; every x86-64 has SSE2.
        unsafe {
            let zero = _mm_setzero_si128();
            for at in (0..words).step_by(2) {
                _mm_stream_si128(start.add(at).cast(), zero);
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: the caller says so.
    unsafe {
        std::ptr::write_bytes(start, 0, words);
    }
}

/// What [`stream_zeros`] wrote is seen by whoever sees what this thread writes from now on.
pub(super) fn streamed() {
    #[cfg(all(target_arch = "x86_64", not(loom)))]
    // SAFETY: every x86-64 has it; it only waits.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

/// Overwrites what audio may have left with the calling thread, when it is done with it for now: its vector registers, and its stack below the
/// caller. Some 100 ns; no system call.
pub fn wipe_traces() {
    wipe_stack();
    wipe_registers();
}

/// What functions that have returned left on the stack: where the compiler put a vector that it had no register for, nothing else overwrites
/// it. `retrocall prove` met 16 packed bytes of a call there.
#[inline(never)]
fn wipe_stack() {
    /// More than the frames of a push, or of a read, lie deep.
    const DEPTH_BYTES: usize = 8 * 1024;
    let mut below = [0u8; DEPTH_BYTES];
    std::hint::black_box(&mut below);
}

/// Overwrites the calling thread's vector registers. Audio is moved and packed in them, and what a thread had there last stays while it
/// sleeps: `retrocall prove` met 16 bytes of a call in a core that way. A few dozen cycles; no system call, no memory.
///
/// On processors other than x86-64 it does nothing.
#[cfg(all(target_arch = "x86_64", not(loom)))]
fn wipe_registers() {
    use std::arch::{asm, is_x86_feature_detected};

    if is_x86_feature_detected!("avx") {
        // SAFETY: the instruction is there, as was just seen, and does nothing but set the sixteen registers named here to zero.
        unsafe {
            asm!("vzeroall",
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _, out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                options(nomem, nostack, preserves_flags));
        }
    } else {
        // SAFETY: every x86-64 has these; each sets one of the registers named here to zero.
        unsafe {
            asm!("xorps xmm0, xmm0", "xorps xmm1, xmm1", "xorps xmm2, xmm2", "xorps xmm3, xmm3", "xorps xmm4, xmm4", "xorps xmm5, xmm5", "xorps xmm6, xmm6", "xorps xmm7, xmm7",
                "xorps xmm8, xmm8", "xorps xmm9, xmm9", "xorps xmm10, xmm10", "xorps xmm11, xmm11", "xorps xmm12, xmm12", "xorps xmm13, xmm13", "xorps xmm14, xmm14", "xorps xmm15, xmm15",
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _, out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                options(nomem, nostack, preserves_flags));
        }
    }
    // The C library copies with the other half where there is one.
    if is_x86_feature_detected!("avx512vl") {
        // SAFETY: the instructions are there, as was just seen; each sets one of the registers named here to zero.
        unsafe {
            asm!("vpxord xmm16, xmm16, xmm16", "vpxord xmm17, xmm17, xmm17", "vpxord xmm18, xmm18, xmm18", "vpxord xmm19, xmm19, xmm19", "vpxord xmm20, xmm20, xmm20", "vpxord xmm21, xmm21, xmm21", "vpxord xmm22, xmm22, xmm22", "vpxord xmm23, xmm23, xmm23",
                "vpxord xmm24, xmm24, xmm24", "vpxord xmm25, xmm25, xmm25", "vpxord xmm26, xmm26, xmm26", "vpxord xmm27, xmm27, xmm27", "vpxord xmm28, xmm28, xmm28", "vpxord xmm29, xmm29, xmm29", "vpxord xmm30, xmm30, xmm30", "vpxord xmm31, xmm31, xmm31",
                out("xmm16") _, out("xmm17") _, out("xmm18") _, out("xmm19") _, out("xmm20") _, out("xmm21") _, out("xmm22") _, out("xmm23") _,
                out("xmm24") _, out("xmm25") _, out("xmm26") _, out("xmm27") _, out("xmm28") _, out("xmm29") _, out("xmm30") _, out("xmm31") _,
                options(nomem, nostack, preserves_flags));
        }
    }
}

/// Does nothing here.
#[cfg(any(not(target_arch = "x86_64"), loom))]
fn wipe_registers() {}
