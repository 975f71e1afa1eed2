#include <iostream>

#include <fmt/format.h>

#include "demo/demo.h"
#include "demo/json.h"
#include "demo/smtp.h"

namespace notaus::demo {
namespace {

Json text_result(const std::string& text, bool error) {
  return {{"content", Json::array({{{"type", "text"}, {"text", text}}})}, {"isError", error}};
}

Json tool(const char* name, const char* what, bool reads, const std::vector<std::string>& needs) {
  Json properties = Json::object();
  for (const std::string& field : needs) properties[field] = {{"type", "string"}};
  return {{"name", name},
          {"description", what},
          {"inputSchema", {{"type", "object"}, {"properties", properties}, {"required", needs}}},
          {"annotations", {{"readOnlyHint", reads}}}};
}

Json tools() {
  return {{"tools", Json::array({tool("crm.find", "Looks a customer up.", true, {"customer"}),
                                 tool("email.send", "Sends an e-mail, now.", false, {"to", "subject", "body"})})}};
}

Json greeting() {
  return {{"protocolVersion", "2025-06-18"},
          {"capabilities", {{"tools", Json::object()}}},
          {"serverInfo", {{"name", "demo-mailer"}, {"version", "1"}}}};
}

Json call(const MailerFlags& flags, const Json& params) {
  const std::string name = params.value("name", "");
  const Json given = params.value("arguments", Json::object());
  if (name == "crm.find") return text_result(fmt::format("{}@customers.example", given.value("customer", "nobody")), false);
  if (name != "email.send") return text_result("no such tool", true);
  Mail mail{.from = flags.from, .to = {given.value("to", "")}, .text = {}};
  mail.text = fmt::format("From: {}\nTo: {}\nSubject: {}\n\n{}\n", mail.from, mail.to.front(), given.value("subject", ""),
                          given.value("body", ""));
  auto sent = send_mail(flags.smtp, mail);
  return sent ? text_result("sent", false) : text_result(sent.error().what, true);
}

Json answer(const MailerFlags& flags, const Json& asked) {
  const std::string method = asked.value("method", "");
  const Json params = asked.value("params", Json::object());
  Json out = {{"jsonrpc", "2.0"}, {"id", asked["id"]}};
  if (method == "initialize")
    out["result"] = greeting();
  else if (method == "ping")
    out["result"] = Json::object();
  else if (method == "tools/list")
    out["result"] = tools();
  else if (method == "tools/call")
    out["result"] = call(flags, params);
  else
    out["error"] = {{"code", -32601}, {"message", "no such method"}};
  return out;
}

}  // namespace

int run_mailer(const MailerFlags& flags) {
  for (std::string line; std::getline(std::cin, line);) {
    Json asked = Json::parse(line, nullptr, false);
    if (!asked.is_object() || !asked.contains("id")) continue;  // a notification
    std::cout << dump(answer(flags, asked)) << std::endl;
  }
  return 0;
}

}  // namespace notaus::demo
