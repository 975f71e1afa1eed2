#include "app/report_html.h"

#include <algorithm>

#include <fmt/format.h>
#include <kainjow/mustache.hpp>

#include "base/clock.h"
#include "base/json.h"

namespace notaus::app {
namespace {

using kainjow::mustache::data;
using List = kainjow::mustache::list;

constexpr const char* kPage = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Clean-up list of {{host}}, {{until}}</title>
<style>
  @page { size: A4; margin: 15mm }
  body { font: 11pt/1.45 system-ui, sans-serif; color: #111; background: #fff; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin: 1.6rem 0 .4rem; break-after: avoid }
  p.lead { font-size: 1.15rem } p.quiet { color: #444 }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums } thead { display: table-header-group }
  th, td { text-align: left; padding: .2rem .5rem; border-bottom: 1px solid #ccc; vertical-align: top; overflow-wrap: anywhere }
  th.n, td.n { text-align: right; white-space: nowrap } tr { break-inside: avoid }
  td.check { width: 1.2rem; font-size: 1.2rem; line-height: 1 }
  svg { width: 100%; height: auto; break-inside: avoid } svg text { font: 11px system-ui, sans-serif; fill: #111 }
  @media print { body { margin: 0; max-width: none; padding: 0; font-size: 9.5pt } }
</style>
</head>
<body>
<h1>What got out, and what did not</h1>
<p class="quiet">Host {{host}}. {{since}} to {{until}}. Times are UTC.</p>
<p class="lead"><strong>{{done}}</strong> write(s) took effect, <strong>{{unknown}}</strong> may have, <strong>{{repeated}}</strong> of them
  repeated another. <strong>{{denied}}</strong> call(s) were denied.{{#delay}} From the first write to the stop it took <strong>{{delay}}</strong>.{{/delay}}</p>
{{#gaps}}<p><strong>{{gaps}} fact(s) were lost</strong>: they are counted, and not known any more.</p>{{/gaps}}
{{#picture}}<h2>When</h2>
<svg viewBox="0 0 960 {{height}}" role="img" aria-label="Writes and denials over time">
{{#lanes}}  <text x="0" y="{{y}}">{{name}}, at most {{most}}</text>
  <line x1="0" x2="960" y1="{{base}}" y2="{{base}}" stroke="#111" stroke-width=".5"/>
{{#bars}}  <rect x="{{x}}" y="{{y}}" width="{{w}}" height="{{h}}" fill="{{fill}}"><title>{{what}}</title></rect>
{{/bars}}{{/lanes}}{{#marks}}  <line x1="{{x}}" x2="{{x}}" y1="0" y2="{{bottom}}" stroke="#111" stroke-dasharray="{{dash}}"/><text x="{{label}}" y="{{low}}" text-anchor="{{anchor}}">{{kind}}</text>
{{/marks}}  <text x="0" y="{{axis}}">{{from}}</text><text x="960" y="{{axis}}" text-anchor="end">{{to}}</text>
</svg>{{/picture}}
<h2>Writes, by who asked for them</h2>
<table>
<thead><tr><th>Tenant</th><th>Agent</th><th>Tool</th><th class="n">Took effect</th><th class="n">May have</th><th class="n">Repeated</th><th class="n">Not sent</th><th class="n">Denied</th><th>First</th><th>Last</th></tr></thead>
<tbody>
{{#rows}}<tr><td>{{tenant}}</td><td>{{agent}}</td><td>{{tool}}</td><td class="n">{{done}}</td><td class="n">{{unknown}}</td><td class="n">{{repeated}}</td><td class="n">{{not_sent}}</td><td class="n">{{denied}}</td><td>{{first}}</td><td>{{last}}</td></tr>
{{/rows}}{{^rows}}<tr><td colspan="10">None.</td></tr>
{{/rows}}</tbody>
</table>
{{#any_unknown}}<h2>To check by hand: sent, and no answer was seen</h2>
<table>
<thead><tr><th></th><th>At</th><th>Tenant</th><th>Agent</th><th>Tool</th><th>Call</th></tr></thead>
<tbody>
{{#calls}}<tr><td class="check">☐</td><td>{{at}}</td><td>{{tenant}}</td><td>{{agent}}</td><td>{{tool}}</td><td>{{call}}</td></tr>
{{/calls}}</tbody>
</table>
{{#more}}<p>And {{more}} more: <code>notaus audit list --kind admitted_write</code> has them all.</p>{{/more}}{{/any_unknown}}
{{#any_repeat}}<h2>The same arguments, more than once</h2>
<table>
<thead><tr><th></th><th class="n">Times</th><th>Tenant</th><th>Tool</th><th>First</th><th>Last</th><th>Digest of the arguments</th></tr></thead>
<tbody>
{{#repeats}}<tr><td class="check">☐</td><td class="n">{{times}}</td><td>{{tenant}}</td><td>{{tool}}</td><td>{{first}}</td><td>{{last}}</td><td>{{args}}</td></tr>
{{/repeats}}</tbody>
</table>{{/any_repeat}}
{{#any_event}}<h2>Who stopped and resumed</h2>
<table>
<thead><tr><th>At</th><th>What</th><th>By</th><th>Reason</th><th>Stop</th></tr></thead>
<tbody>
{{#events}}<tr><td>{{at}}</td><td>{{kind}}</td><td>{{by}}</td><td>{{reason}}</td><td>{{id}}</td></tr>
{{/events}}</tbody>
</table>{{/any_event}}
<p class="quiet">From the audit log. Whether anybody edited it: <code>notaus audit verify --since CHECKPOINT</code>, with the checkpoint that the stop printed.</p>
</body>
</html>
)";

constexpr std::size_t kCalls = 500;  // on paper; more is for a program

data text(const std::string& given) { return data(harmless(given)); }

std::string number(std::uint64_t n) { return std::to_string(n); }

data row(std::initializer_list<std::pair<const char*, std::string>> fields) {
  data out(data::type::object);
  for (const auto& [key, value] : fields) out.set(key, text(value));
  return out;
}

// "22 min 7 s"
std::string duration(std::int64_t ms) {
  const std::int64_t s = ms / 1000;
  if (s < 60) return fmt::format("{} s", s);
  return s < 3600 ? fmt::format("{} min {} s", s / 60, s % 60) : fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
}

class Picture {
 public:
  Picture(const audit::CleanUp& found, data& page) : found_(found), time_(found.timeline), page_(page) {}

  void draw() {
    if (time_.empty()) return;
    crop();
    const struct {
      const char *name, *fill;
    } kLanes[] = {{"took effect", "#b00020"}, {"may have", "#e08a00"}, {"denied", "#44566c"}};
    data lanes(data::type::list);
    for (std::size_t series = 0; series < 3; ++series) lanes << lane(series, kLanes[series].name, kLanes[series].fill);
    page_.set("lanes", lanes);
    page_.set("marks", marks());
    page_.set("from", iso8601({from_}));
    page_.set("to", iso8601({to_}));
    page_.set("height", number(kBottom + 34));
    page_.set("axis", number(kBottom + 28));
    page_.set("picture", true);
  }

 private:
  static constexpr std::size_t kLane = 60, kTop = 16, kBottom = 3 * (kLane + kTop);

  // To where something happened.
  void crop() {
    auto any = [](const audit::Timeline::Counts& bucket) { return std::ranges::any_of(bucket, [](auto n) { return n > 0; }); };
    const auto& all = time_.buckets();
    first_ = static_cast<std::size_t>(std::ranges::find_if(all, any) - all.begin());
    last_ = all.size() - static_cast<std::size_t>(std::find_if(all.rbegin(), all.rend(), any) - all.rbegin());
    from_ = time_.from_ms() + time_.width_ms() * static_cast<std::int64_t>(first_);
    to_ = time_.from_ms() + time_.width_ms() * static_cast<std::int64_t>(last_);
  }

  [[nodiscard]] double x_of(std::int64_t ms) const {
    return 960.0 * static_cast<double>(ms - from_) / static_cast<double>(to_ - from_);
  }

  data lane(std::size_t series, const char* name, const char* fill) {
    std::uint64_t most = 0;
    for (const auto& bucket : time_.buckets()) most = std::max(most, bucket[series]);
    const std::size_t base = (series + 1) * (kLane + kTop);
    data bars(data::type::list);
    for (std::size_t i = first_; i < last_; ++i) {
      const std::uint64_t count = time_.buckets()[i][series];
      if (count == 0) continue;
      const std::int64_t at = time_.from_ms() + time_.width_ms() * static_cast<std::int64_t>(i);
      const double high = std::max(2.0, static_cast<double>(kLane - 6) * static_cast<double>(count) / static_cast<double>(most));
      bars << row({{"x", fmt::format("{:.1f}", x_of(at))},
                   {"w", fmt::format("{:.1f}", std::max(1.0, x_of(at + time_.width_ms()) - x_of(at) - 0.5))},
                   {"y", fmt::format("{:.1f}", static_cast<double>(base) - high)},
                   {"h", fmt::format("{:.1f}", high)},
                   {"fill", fill},
                   {"what", fmt::format("{}: {} {}", iso8601({at}), count, name)}});
    }
    data out = row({{"name", name}, {"most", number(most)}, {"y", number(base - kLane + 4)}, {"base", number(base)}});
    out.set("bars", bars);
    return out;
  }

  data marks() {
    data out(data::type::list);
    for (const audit::Event& event : found_.events) {
      const std::int64_t at = audit::ms_of(event.at);
      if (at < from_ || at > to_) continue;
      const double x = x_of(at);
      out << row({{"x", fmt::format("{:.1f}", x)},
                  {"label", fmt::format("{:.1f}", x)},
                  {"anchor", x > 900 ? "end" : "start"},
                  {"bottom", number(kBottom)},
                  {"low", number(kBottom + 12)},
                  {"dash", event.kind == "resume" ? "2 3" : "none"},
                  {"kind", event.kind}});
    }
    return out;
  }

  const audit::CleanUp& found_;
  const audit::Timeline& time_;
  data& page_;
  std::size_t first_ = 0, last_ = 0;
  std::int64_t from_ = 0, to_ = 0;
};

void add_sums(const audit::CleanUp& found, data& page) {
  audit::Row sum;
  for (const audit::Row& one : found.rows) {
    sum.done += one.done;
    sum.unknown += one.unknown;
    sum.repeated += one.repeated;
    sum.denied += one.denied;
  }
  page.set("done", number(sum.done));
  page.set("unknown", number(sum.unknown));
  page.set("repeated", number(sum.repeated));
  page.set("denied", number(sum.denied));
  if (found.gaps > 0) page.set("gaps", number(found.gaps));
  if (!found.harm.empty() && found.stopped >= found.harm)
    page.set("delay", duration(audit::ms_of(found.stopped) - audit::ms_of(found.harm)));
}

}  // namespace

std::string report_html(const audit::CleanUp& found, const std::string& host) {
  data page(data::type::object), rows(data::type::list), calls(data::type::list), repeats(data::type::list),
      events(data::type::list);
  for (const audit::Row& one : found.by_agent)
    rows << row({{"tenant", one.tenant},
                 {"agent", one.agent},
                 {"tool", one.tool},
                 {"done", number(one.done)},
                 {"unknown", number(one.unknown)},
                 {"repeated", number(one.repeated)},
                 {"not_sent", number(one.not_sent)},
                 {"denied", number(one.denied)},
                 {"first", one.first},
                 {"last", one.last}});
  for (const audit::Unknown& one : std::span(found.unknown).first(std::min(found.unknown.size(), kCalls)))
    calls << row({{"at", one.at}, {"tenant", one.tenant}, {"agent", one.agent}, {"tool", one.tool}, {"call", one.call}});
  for (const audit::Repeat& one : found.repeats)
    repeats << row({{"times", number(one.times)},
                    {"tenant", one.tenant},
                    {"tool", one.tool},
                    {"args", one.args},
                    {"first", one.first},
                    {"last", one.last}});
  for (const audit::Event& one : found.events)
    events << row({{"at", one.at}, {"kind", one.kind}, {"id", one.id}, {"by", one.by}, {"reason", one.reason}});
  page.set("host", text(host));
  page.set("since", text(found.since.empty() ? "the log's beginning" : found.since));
  page.set("until", text(found.until));
  page.set("rows", rows);
  page.set("calls", calls);
  page.set("repeats", repeats);
  page.set("events", events);
  page.set("any_unknown", !found.unknown.empty());
  page.set("any_repeat", !found.repeats.empty());
  page.set("any_event", !found.events.empty());
  if (found.unknown.size() > kCalls) page.set("more", number(found.unknown.size() - kCalls));
  add_sums(found, page);
  Picture(found, page).draw();
  return kainjow::mustache::mustache(kPage).render(page);
}

}  // namespace notaus::app
