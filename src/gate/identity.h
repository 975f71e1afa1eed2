// gate/identity.h: who calls, by the credential it presents. Never by a header or argument that an agent may choose.
//
// Only digests of tokens are known here, so nothing that is kept, logged or answered can leak one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace notaus::gate {

struct Caller {
  std::string tenant, agent;
  bool operator==(const Caller&) const = default;
};

class Identities {
 public:
  // `digest`: the SHA-256 of its token, 64 lower-case hex digits.
  void add(std::string digest, Caller caller) { callers_.insert_or_assign(std::move(digest), std::move(caller)); }

  // `name`: one that its certificate gives it, "URI:spiffe://acme/mailer".
  void add_certified(std::string name, Caller caller) { certified_.insert_or_assign(std::move(name), std::move(caller)); }

  // nullptr: nobody we know.
  [[nodiscard]] const Caller* who(std::string_view token) const;
  [[nodiscard]] const Caller* who_is(const std::string& certified) const;

 private:
  std::unordered_map<std::string, Caller> callers_, certified_;
};

[[nodiscard]] std::string sha256_hex(std::string_view text);

// The token of "Bearer TOKEN", the scheme in any case; empty: the value says nothing of the kind.
[[nodiscard]] std::string_view bearer(std::string_view authorization);

}  // namespace notaus::gate
