/**
 * Constants of the Linux headers as {@code jextract} prints them; {@code generate.sh} makes this package anew
 * from {@code linux.h} and {@code includes.txt}.
 *
 * <p>Struct sizes and field offsets are constants too ({@code SIZEOF_…}, {@code OFFSETOF_…}): see {@code
 * linux.h} for why no memory layouts are generated. Not exported.
 */
package dev.isthmus.kvm.generated;
