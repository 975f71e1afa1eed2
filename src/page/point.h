// page/point.h: this process as an enforcement point: attached to the live page if it can be, trying again if not, and one watcher
// thread that reports, wakes, and notices when the page under us is no longer the one at the path.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "page/attachment.h"
#include "page/report.h"

namespace notaus::page {

class Point {
 public:
  // How often its watcher looks whether its page is still in its place, at rest. Tests that wait for it set less, before the first point.
  static inline std::chrono::milliseconds round{1000};

  explicit Point(GuardOptions options);
  ~Point();  // in order: reports what there is to report and leaves

  // Where calls are asked. Nothing: everything is denied with missing(). In a forked child the first call attaches anew.
  Attachment* attachment() {
    Attachment* here = attachment_.load(std::memory_order_acquire);
    if (here != nullptr && here->alive()) [[likely]]
      return here;
    return attach_in_child();
  }

  // Where nothing can be asked. Counted where there are slots to count in.
  [[nodiscard]] Denial missing(const Call& call) const;
  [[nodiscard]] std::string trouble() const;

  // Wall time as of the watcher's last round, for calls that must not ask a clock. At most about a second old.
  [[nodiscard]] std::int64_t now_ms() const { return now_ms_.load(std::memory_order_relaxed); }

  // Fills in what the call leaves empty.
  [[nodiscard]] Call complete(const Call& call) const;

 private:
  static void before_fork();
  static void after_fork_parent();
  static void after_fork_child();

  struct Seen {  // of the page, by the watcher
    std::uint64_t word = 0, latch = 0;
    bool operator==(const Seen&) const = default;
  };

  Attachment* attach_in_child();
  [[nodiscard]] Attachment* mapped() const { return aside_ != nullptr ? aside_.load() : attachment_.load(); }  // asked now, or not
  void attach();  // under mutex_
  void detach(Why why, std::string what);
  void start_watcher();
  void watch();
  void check_in_place();
  bool heed_sentinel(Attachment& here);
  void tell_of_change();
  void report(Tell what);
  struct Seat;
  static void leave(Seat& seat);
  void nudge();
  Tell wait_for_news(Seen seen, unsigned seen_nudge, std::optional<BootTime> deadline);

  const GuardOptions options_;
  StateDir state_;
  Witness witness_;
  std::atomic<Attachment*> attachment_{nullptr};
  std::atomic<Attachment*> aside_{nullptr};  // ours, while the file STOP stands and the page does not say so
  std::atomic<std::int64_t> now_ms_;

  mutable std::mutex told_;  // why_ and trouble_: held for no longer than a copy takes, since denials take it
  Why why_ = Why::page_missing;
  std::string trouble_;

  // Where we sit and where calls are asked. Whoever forks takes it, so nothing is written to a spool under it; an answer takes it only where a
  // forked child attaches itself.
  mutable std::mutex mutex_;
  struct Seat {
    std::unique_ptr<Attachment> attachment;  // kept for life: Permits point at it
    std::unique_ptr<Spool> spool;  // of its slot file
  };
  std::vector<Seat> seats_;  // the last one is at the page of now
  bool* alive_;  // a page of flags, one an attachment, that the kernel zeroes in a forked child

  std::unique_ptr<std::thread> watcher_;
  std::atomic<bool> forked_{false};  // we are a child that has not attached yet
  std::atomic<bool> stopping_{false};
  std::atomic<unsigned> nudges_{0};
  std::uint64_t last_head_ = 0;  // the watcher's: the ring's head a round ago
};

}  // namespace notaus::page
