// app/apart.h: a command that must end although its process may not. A write to a frozen disk cannot be interrupted, also not by
// SIGKILL, and no process ends before its last thread: whoever typed the command would wait for the disk. So the work is done in a
// child, and what the shell waits for is a parent that writes to no disk.
#pragma once

#include <functional>

namespace notaus::app {

// What `work` returns, from a child that ends with us; if none is to be had, from this process.
int apart(const std::function<int()>& work);

// In `work`, once all is said: whoever waits for us goes on with this status, while we write what is still to be written. False: nobody waits
// but for our end.
bool answer(int status);

// Ends `work` with this status. Safe in a signal handler.
[[noreturn]] void leave(int status);

}  // namespace notaus::app
