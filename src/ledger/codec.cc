#include "ledger/codec.h"

#include <nlohmann/json.hpp>

namespace notaus::ledger {
namespace {

using Json = nlohmann::json;
using core::Act;

constexpr Act kActs[] = {Act::stop, Act::resume, Act::note, Act::approve, Act::tighten};

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json to_json(const core::Selector& selector) {
  Json out = Json::object();
  if (!selector.tenant.empty()) out["tenant"] = selector.tenant;
  if (!selector.agent.empty()) out["agent"] = selector.agent;
  if (!selector.tool.empty()) out["tool"] = selector.tool;
  return out;
}

core::Selector selector_of(const Json& json) { return {json.value("tenant", ""), json.value("agent", ""), json.value("tool", "")}; }

Json to_json(const core::Stop& stop) {
  Json out = {
      {"id", stop.id},    {"selector", to_json(stop.selector)}, {"mode", text(stop.mode)}, {"reason", stop.reason}, {"by", stop.by},
      {"at", stop.at.ms}, {"asserted", stop.asserted}};
  if (stop.grace) out["grace_ms"] = stop.grace->count();
  return out;
}

core::Stop stop_of(const Json& json) {
  core::Stop stop;
  stop.id = json.at("id");
  stop.selector = selector_of(json.at("selector"));
  stop.mode = core::mode_of(json.at("mode").get<std::string>()).value_or(core::Mode::stop_all);
  stop.reason = json.at("reason");
  stop.by = json.at("by");
  stop.at = {json.at("at")};
  stop.asserted = json.at("asserted");
  if (json.contains("grace_ms")) stop.grace = std::chrono::milliseconds(json["grace_ms"]);
  return stop;
}

Json to_json(const std::map<std::string, Effect>& effects) {
  Json out = Json::object();
  for (const auto& [tool, effect] : effects) out[tool] = core::text(effect);
  return out;
}

std::map<std::string, Effect> effects_of(const Json& json) {
  std::map<std::string, Effect> out;
  for (const auto& [tool, effect] : json.items()) out[tool] = effect == "read" ? Effect::read : Effect::write;
  return out;
}

template <class Value, class Read>
Result<Value> decode(const std::string& text, Read read) {
  try {
    return read(Json::parse(text));
  } catch (const Json::exception& wrong) {
    return trouble(Kind::broken, std::string("the ledger holds what no ledger writes: ") + wrong.what());
  }
}

}  // namespace

std::string encode(const core::Action& action) {
  Json out = {{"id", action.id}, {"act", text(action.act)}, {"by", action.by}, {"at", action.at.ms}, {"reason", action.reason}};
  if (action.act == Act::stop) out["stop"] = to_json(action.stop);
  if (action.uid) out["uid"] = *action.uid;
  if (!action.host.empty()) out["host"] = action.host;
  if (!action.target.empty()) out["target"] = action.target;
  if (action.seen != 0) out["seen"] = action.seen;
  if (!action.effects.empty()) out["effects"] = to_json(action.effects);
  return dump(out);
}

std::string encode(const core::Stop& stop) { return dump(to_json(stop)); }

std::string encode_rest(const core::State& state) {
  return dump({{"epoch", state.epoch}, {"revision", state.revision}, {"catalogue", to_json(state.catalogue)}});
}

Result<core::Action> decode_action(const std::string& text) {
  return decode<core::Action>(text, [](const Json& json) {
    core::Action action;
    action.id = json.at("id");
    for (Act act : kActs)
      if (core::text(act) == json.at("act").get<std::string>()) action.act = act;
    action.by = json.at("by");
    action.at = {json.at("at")};
    action.reason = json.at("reason");
    if (json.contains("stop")) action.stop = stop_of(json["stop"]);
    if (json.contains("uid")) action.uid = json["uid"];
    action.host = json.value("host", "");
    action.target = json.value("target", "");
    action.seen = json.value("seen", std::uint64_t{0});
    if (json.contains("effects")) action.effects = effects_of(json["effects"]);
    return action;
  });
}

Result<core::Stop> decode_stop(const std::string& text) { return decode<core::Stop>(text, stop_of); }

Result<core::State> decode_rest(const std::string& text) {
  return decode<core::State>(text, [](const Json& json) {
    core::State state;
    state.epoch = json.at("epoch");
    state.revision = json.at("revision");
    state.catalogue = effects_of(json.at("catalogue"));
    if (state.epoch.size() != 32) throw Json::other_error::create(599, "the epoch is not 32 digits", nullptr);
    return state;
  });
}

}  // namespace notaus::ledger
