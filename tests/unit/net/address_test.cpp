// SPDX-License-Identifier: Apache-2.0
#include "adapter/net/address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adapter::net {
namespace {

std::optional<Error> judge(const char* address, bool loopback_allowed) {
  return refuse_address(asio::ip::make_address(address), loopback_allowed);
}

TEST(RefuseAddress, LetsOrdinaryAddressesThrough) {
  for (const char* address :
       {"93.184.216.34", "10.0.0.1", "192.168.1.1", "172.16.0.9", "169.253.0.1", "223.255.255.255",
        "2606:2800:220:1::1", "fd00:ec2::253", "fec0::1", "2002:5db8:d822::1", "64:ff9b::5db8:d822"}) {
    EXPECT_FALSE(judge(address, false)) << address;
  }
}

TEST(RefuseAddress, RefusesWhatIsNoRemote) {
  for (const char* address :
       {"0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "224.0.0.1", "239.255.255.255", "255.255.255.255",
        "::", "fe80::1", "febf::1", "ff02::1", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1", "::169.254.169.254", "::ffff:0.0.0.0", "2002:e000:1::"}) {
    const auto refused = judge(address, true);
    ASSERT_TRUE(refused) << address;
    EXPECT_EQ(refused->error_class(), ErrorClass::policy);
    EXPECT_THAT(refused->text(), testing::HasSubstr(asio::ip::make_address(address).to_string() + " is refused"));
  }
}

TEST(RefuseAddress, LetsLoopbackThroughOnlyWhereItWasAskedFor) {
  for (const char* address :
       {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1"}) {
    EXPECT_FALSE(judge(address, true)) << address;
    const auto refused = judge(address, false);
    ASSERT_TRUE(refused) << address;
    EXPECT_THAT(refused->text(), testing::HasSubstr("allow_loopback"));
  }
}

}  // namespace
}  // namespace adapter::net
