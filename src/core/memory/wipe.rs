//! Wiping plain memory, and the processor's own copies of it.
//!
//! Belongs here: overwriting that the compiler can't leave out. Does not: segments (`arena`).
#![allow(unsafe_code)]

/// Asks the processor to fetch a word that is read soon. Nothing is read. On processors other than x86-64 nothing happens.
///
/// ```
/// use retrocall_core::memory::fetch_soon;
///
/// let frames = [[1i16; 160], [2; 160]];
/// for (at, frame) in frames.iter().enumerate() {
///     frames.get(at + 1).into_iter().for_each(fetch_soon);
///     assert_eq!(frame.iter().map(|sample| i32::from(*sample)).sum::<i32>(), 160 * (at as i32 + 1));
/// }
/// ```
pub fn fetch_soon<T>(word: &T) {
    #[cfg(all(target_arch = "x86_64", not(loom)))]
    // SAFETY: a hint without any effect that a program can see.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(word).cast());
    }
    #[cfg(any(not(target_arch = "x86_64"), loom))]
    let _ = word;
}

/// Writes zeros past the caches: memory is not fetched first, and the caches keep what others have in them. Other threads are sure to see the zeros
/// only after [`streamed`].
///
/// # Safety
/// The words are mapped, begin at a multiple of 32 bytes, and are a multiple of eight; nobody else reads or writes them.
#[cfg(not(loom))]
pub(super) unsafe fn stream_zeros(start: *mut u64, words: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_mm_setzero_si128, _mm_stream_si128};
        // SAFETY: each store is within the words and aligned, as the caller vouches; every x86-64 has SSE2.
        unsafe {
            let zero = _mm_setzero_si128();
            for at in (0..words).step_by(2) {
                _mm_stream_si128(start.add(at).cast(), zero);
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: the caller vouches for the words.
    unsafe {
        std::ptr::write_bytes(start, 0, words);
    }
}

/// Orders the zeros of [`stream_zeros`] before all that this thread writes from now on.
pub(super) fn streamed() {
    #[cfg(all(target_arch = "x86_64", not(loom)))]
    // SAFETY: every x86-64 has the instruction, which only waits.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

/// Overwrites the traces of audio in the calling thread: its vector registers, and its stack below the caller. A thread calls it when it is done with
/// audio for now. Some 100 ns; no system call.
///
/// ```
/// use retrocall_core::memory::{wipe, wipe_traces};
///
/// fn louder(frame: &mut [i16]) {
///     frame.iter_mut().for_each(|sample| *sample *= 2);
/// }
///
/// let mut frame = [1, 2, 3];
/// louder(&mut frame);
/// wipe(&mut frame);
/// wipe_traces();
/// ```
pub fn wipe_traces() {
    wipe_stack();
    wipe_registers();
}

/// Overwrites the stack of functions that have returned. The compiler puts vectors there when it runs out of registers, and nothing else overwrites
/// them: `retrocall prove` met 16 packed bytes of a call.
#[inline(never)]
fn wipe_stack() {
    /// Deeper than the stack of a push or a read.
    const DEPTH_BYTES: usize = 8 * 1024;
    let mut below = [0u8; DEPTH_BYTES];
    std::hint::black_box(&mut below);
}

/// Overwrites the calling thread's vector registers. Audio is moved and packed in them, and stays there while the thread sleeps: `retrocall prove` met
/// 16 bytes of a call in a core. A few dozen cycles; no system call, no memory.
#[cfg(all(target_arch = "x86_64", not(loom)))]
fn wipe_registers() {
    use std::arch::{asm, is_x86_feature_detected};

    if is_x86_feature_detected!("avx") {
        // SAFETY: the processor has the instruction, as was just seen, which only sets the sixteen registers named here to zero.
        unsafe {
            asm!("vzeroall",
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _, out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                options(nomem, nostack, preserves_flags));
        }
    } else {
        // SAFETY: every x86-64 has the instructions; each sets one of the registers named here to zero.
        unsafe {
            asm!("xorps xmm0, xmm0", "xorps xmm1, xmm1", "xorps xmm2, xmm2", "xorps xmm3, xmm3", "xorps xmm4, xmm4", "xorps xmm5, xmm5", "xorps xmm6, xmm6", "xorps xmm7, xmm7",
                "xorps xmm8, xmm8", "xorps xmm9, xmm9", "xorps xmm10, xmm10", "xorps xmm11, xmm11", "xorps xmm12, xmm12", "xorps xmm13, xmm13", "xorps xmm14, xmm14", "xorps xmm15, xmm15",
                out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
                out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _, out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
                options(nomem, nostack, preserves_flags));
        }
    }
    // The C library copies with the other sixteen registers where there are any.
    if is_x86_feature_detected!("avx512vl") {
        // SAFETY: the processor has the instructions, as was just seen; each sets one of the registers named here to zero.
        unsafe {
            asm!("vpxord xmm16, xmm16, xmm16", "vpxord xmm17, xmm17, xmm17", "vpxord xmm18, xmm18, xmm18", "vpxord xmm19, xmm19, xmm19", "vpxord xmm20, xmm20, xmm20", "vpxord xmm21, xmm21, xmm21", "vpxord xmm22, xmm22, xmm22", "vpxord xmm23, xmm23, xmm23",
                "vpxord xmm24, xmm24, xmm24", "vpxord xmm25, xmm25, xmm25", "vpxord xmm26, xmm26, xmm26", "vpxord xmm27, xmm27, xmm27", "vpxord xmm28, xmm28, xmm28", "vpxord xmm29, xmm29, xmm29", "vpxord xmm30, xmm30, xmm30", "vpxord xmm31, xmm31, xmm31",
                out("xmm16") _, out("xmm17") _, out("xmm18") _, out("xmm19") _, out("xmm20") _, out("xmm21") _, out("xmm22") _, out("xmm23") _,
                out("xmm24") _, out("xmm25") _, out("xmm26") _, out("xmm27") _, out("xmm28") _, out("xmm29") _, out("xmm30") _, out("xmm31") _,
                options(nomem, nostack, preserves_flags));
        }
    }
}

/// Registers of other processors are left as they are.
#[cfg(any(not(target_arch = "x86_64"), loom))]
fn wipe_registers() {}
