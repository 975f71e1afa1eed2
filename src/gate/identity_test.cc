#include "gate/identity.h"

#include <gtest/gtest.h>

namespace notaus::gate {
namespace {

TEST(Identity, ByTheDigestOfWhatIsPresented) {
  Identities identities;
  identities.add("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", {"acme", "mailer"});  // of "abc", FIPS 180-2
  ASSERT_NE(identities.who("abc"), nullptr);
  EXPECT_EQ(*identities.who("abc"), (Caller{"acme", "mailer"}));
  EXPECT_EQ(identities.who("abd"), nullptr);
  EXPECT_EQ(identities.who(""), nullptr);
  EXPECT_EQ(identities.who("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), nullptr);
}

TEST(Identity, ByANameOfACertificate) {
  Identities identities;
  identities.add_certified("URI:spiffe://acme/mailer", {"acme", "mailer"});
  ASSERT_NE(identities.who_is("URI:spiffe://acme/mailer"), nullptr);
  EXPECT_EQ(identities.who_is("URI:spiffe://acme/Mailer"), nullptr);
  EXPECT_EQ(identities.who("URI:spiffe://acme/mailer"), nullptr);  // which is no token
  EXPECT_EQ(identities.who_is(""), nullptr);
}

TEST(Identity, BearerInAnyCase) {
  EXPECT_EQ(bearer("Bearer abc"), "abc");
  EXPECT_EQ(bearer("bEARER  abc"), "abc");
  EXPECT_EQ(bearer("Bearer"), "");
  EXPECT_EQ(bearer("Basic abc"), "");
  EXPECT_EQ(bearer("Bearerabc"), "");
}

}  // namespace
}  // namespace notaus::gate
