// SPDX-License-Identifier: Apache-2.0
#include "certificates.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <stdexcept>

namespace adapter::test {
namespace {

void require(bool condition, const char* what) {
  if (!condition) {
    throw std::runtime_error(what);
  }
}

void add_extension(X509* certificate, int kind, const std::string& value) {
  const std::unique_ptr<X509_EXTENSION, void (*)(X509_EXTENSION*)> extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()), X509_EXTENSION_free);
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

Identity make_unsigned(const std::string& name, long valid_until) {
  static std::atomic<long> serial = 1;
  Identity identity;
  identity.key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free);
  identity.certificate.reset(X509_new(), X509_free);
  X509* const certificate = identity.certificate.get();
  require(identity.key && certificate != nullptr, "key");
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_until);
  X509_set_pubkey(certificate, identity.key.get());
  const std::basic_string<unsigned char> text(name.begin(), name.end());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, text.c_str(), -1, -1, 0);
  return identity;
}

}  // namespace

std::string Identity::pem() const {
  const std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free);
  require(PEM_write_bio_X509(out.get(), certificate.get()) == 1, "pem");
  std::string text(static_cast<std::size_t>(BIO_ctrl_pending(out.get())), '\0');
  require(BIO_read(out.get(), text.data(), static_cast<int>(text.size())) == static_cast<int>(text.size()), "pem");
  return text;
}

Identity make_authority(const std::string& name) {
  Identity authority = make_unsigned(name, 86'400);
  X509* const certificate = authority.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
  require(X509_sign(certificate, authority.key.get(), EVP_sha256()) > 0, "sign");
  return authority;
}

Identity make_leaf(const Identity& authority, const std::string& names, long valid_until) {
  Identity leaf = make_unsigned("leaf", valid_until);
  X509* const certificate = leaf.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(authority.certificate.get()));
  add_extension(certificate, NID_subject_alt_name, names);
  require(X509_sign(certificate, authority.key.get(), EVP_sha256()) > 0, "sign");
  return leaf;
}

}  // namespace adapter::test
