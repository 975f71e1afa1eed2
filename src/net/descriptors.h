// net/descriptors.h: the last descriptors of the process, which no agent gets: who stops, and who writes down what ran, must find one free.
//
// The kernel gives out the lowest number that is free. So who is given a high one is one too many, and can still be told so.
#pragma once

namespace notaus::net {

constexpr int kKeptBack = 64;  // of a limit that allows for it, else a quarter

[[nodiscard]] bool kept_back(int fd);

}  // namespace notaus::net
