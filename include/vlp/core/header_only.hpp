#pragma once
// How the bodies of heavy functions are compiled. They stand in NAME_inl.hpp beside NAME.hpp. A
// program that defines nothing gets them with the header, as inline functions; one that is built
// with VLP_HEADER_ONLY=0 links the library in which each of them is compiled once.

#ifndef VLP_HEADER_ONLY
#define VLP_HEADER_ONLY 1
#endif

#if VLP_HEADER_ONLY
#define VLP_INLINE inline
#else
#define VLP_INLINE
#endif
