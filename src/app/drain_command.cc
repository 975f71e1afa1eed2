#include <fmt/format.h>

#include "app/commands.h"
#include "app/print.h"
#include "control/drain.h"

namespace notaus::app {
namespace {

int answer_drain(const control::Drained& drained, const core::Selector& scope) {
  warn(drained.warnings);
  std::map<Outcome, std::size_t> ended;
  say_calls(drained.calls, "--json has them all");
  for (const control::InFlight& call : drained.calls) ++ended[call.call.outcome];
  const double seconds = drained.elapsed_ms / 1000;
  if (drained.exit == control::kDone) {
    say("drained {}: 0 in flight after {:.1f} s; ended: {} done, {} unknown, {} not sent\n", shown(core::text(scope)), seconds,
        ended[Outcome::done], ended[Outcome::unknown], ended[Outcome::not_sent]);
    return drained.exit;
  }
  if (drained.remaining > 0) say("end them:  notaus stop … --cancel\n");
  say("NOT DRAINED {}: {} in flight after {:.1f} s{}\n", shown(core::text(scope)), drained.remaining, seconds,
      drained.complete ? "" : ", and not every point could be read");
  return drained.exit;
}

}  // namespace

int drain_command(const Common& common, const DrainFlags& flags, Output output) {
  if (auto good = check_scope(flags.scope); !good) return usage(good.error().what);
  auto place = existing_place(common);
  if (!place) return fail(place.error(), output, to_json(control::Drained{}));
  control::DrainRequest request{.selector = selector_of(flags.scope), .timeout = flags.timeout};
  if (output == Output::text) request.progress = [](std::size_t remaining) { say_to(stderr, "notaus: {} in flight\n", remaining); };
  const control::Drained drained = control::drain(place->site, request);
  if (output == Output::text) return answer_drain(drained, request.selector);
  say("{}\n", dump(to_json(drained)));
  return drained.exit;
}

}  // namespace notaus::app
