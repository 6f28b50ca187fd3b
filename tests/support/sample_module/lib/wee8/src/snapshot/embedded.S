/* SPDX-License-Identifier: Apache-2.0 */
/* Machine code under the symbol where V8 keeps its embedded builtins: a table of small functions, the first returns 42. */
        .text
        .balign 64
        .globl  v8_Default_embedded_blob_code_
        .type   v8_Default_embedded_blob_code_, %function
v8_Default_embedded_blob_code_:
        .set    builtin, 0
        .rept   4096
#if defined(__x86_64__)
        movl    $(42 + builtin), %eax
        ret
#elif defined(__aarch64__)
        mov     w0, #(42 + builtin)
        ret
#else
#error "V8 is packaged for x86_64 and arm64"
#endif
        .balign 16
        .set    builtin, builtin + 1
        .endr
.Lend:
        .size   v8_Default_embedded_blob_code_, .Lend - v8_Default_embedded_blob_code_

        .section .rodata
        .balign 8
        .globl  v8_Default_embedded_blob_code_size_
        .type   v8_Default_embedded_blob_code_size_, %object
        .size   v8_Default_embedded_blob_code_size_, 4
v8_Default_embedded_blob_code_size_:
        .long   .Lend - v8_Default_embedded_blob_code_

        .section .note.GNU-stack, "", %progbits
