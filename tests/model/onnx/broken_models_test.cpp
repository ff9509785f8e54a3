#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "model/tile/inference.h"
#include "model/tile/network.h"

namespace fibflow::model {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(FIBFLOW_TEST_FIXTURES) / "onnx";

nlohmann::json catalogue() {
  return nlohmann::json::parse(std::ifstream(kFolder / "broken.json"));
}

struct Broken {
  std::string file;
  std::vector<std::string> names;
  int height = 0;
  int width = 0;
};

std::vector<Broken> broken_models() {
  std::vector<Broken> all;
  const nlohmann::json json = catalogue();
  for (const auto& entry : json.at("broken")) {
    // What the metadata mean is the pipeline's affair.
    if (entry.at("file").get<std::string>().find("/metadata_") != std::string::npos) continue;
    all.push_back({entry.at("file"), entry.at("names"), entry.at("shape").at(2), entry.at("shape").at(3)});
  }
  return all;
}

class BrokenModelTest : public testing::TestWithParam<Broken> {};

TEST_P(BrokenModelTest, IsRefusedByName) {
  const Broken& broken = GetParam();
  const std::string file = (kFolder / broken.file).string();
  try {
    const Network network = Network::load(file);
    const Inference inference(network, broken.height, broken.width, 0, 0);
    inference.plan({{0, broken.height}, {0, broken.width}}, PlanKind::frozen);
  } catch (const ModelError& e) {
    const std::string message = e.what();
    EXPECT_EQ(message.rfind(file + ": ", 0), 0U) << message;
    bool named = broken.names.empty();
    for (const std::string& name : broken.names) named = named || message.find(name) != std::string::npos;
    EXPECT_TRUE(named) << message;
    for (const char ch : message)
      EXPECT_GE(static_cast<unsigned char>(ch), 0x20) << "a control character in the message";
    return;
  }
  FAIL() << broken.file << " was accepted";
}

std::string test_name(const testing::TestParamInfo<Broken>& info) {
  std::string name = std::filesystem::path(info.param.file).stem().string();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Catalogue, BrokenModelTest, testing::ValuesIn(broken_models()), test_name);

TEST(BrokenModelTest, TheSoundModelTheyWereMadeFromIsAccepted) {
  EXPECT_NO_THROW(Network::load(kFolder / catalogue().at("sound").get<std::string>()));
}

TEST(BrokenModelTest, MissingFileIsMissing) {
  EXPECT_THROW(Network::load(kFolder / "no_such_model.onnx"), ModelMissing);
  EXPECT_THROW(Network::load(kFolder), ModelError);
}

std::string refusal_of(const std::filesystem::path& file) {
  try {
    Network::load(file);
  } catch (const ModelError& e) {
    return e.what();
  }
  return "";
}

TEST(BrokenModelTest, WhatIsNoFileIsNotCalledTooLarge) {
  EXPECT_EQ(refusal_of("/dev/null"), "/dev/null: is not a regular file");
}

TEST(BrokenModelTest, ExternalDataAreRegularFilesThatAreNotLinks) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(testing::TempDir()) / "external_data_kinds";
  fs::remove_all(folder);
  fs::create_directories(folder / "elsewhere");
  const fs::path file = folder / "external_data.onnx";
  const fs::path weights = folder / "external_data.weights";
  fs::copy(kFolder / "models/external_data.onnx", file);
  fs::copy(kFolder / "models/external_data.weights", weights);
  EXPECT_EQ(refusal_of(file), "");
  fs::rename(weights, folder / "elsewhere/weights");
  fs::create_symlink("elsewhere/weights", weights);
  EXPECT_NE(refusal_of(file).find("external_data.weights' is a link"), std::string::npos) << refusal_of(file);
  fs::remove(weights);
  ASSERT_EQ(::mkfifo(weights.c_str(), 0600), 0);
  EXPECT_NE(refusal_of(file).find("is no regular file"), std::string::npos) << "it waits for a writer";
  fs::remove_all(folder);
}

/// What is said of the model whose weights lie beside it once something was done to it.
std::string refusal_of_edited(const std::function<void(onnx::ModelProto& model)>& edit) {
  namespace fs = std::filesystem;
  onnx::ModelProto model;
  std::ifstream sound(kFolder / "models/external_data.onnx", std::ios::binary);
  EXPECT_TRUE(model.ParseFromIstream(&sound));
  edit(model);
  const fs::path folder = fs::path(testing::TempDir()) / "external_data_edited";
  fs::create_directories(folder);
  fs::copy(kFolder / "models/external_data.weights", folder, fs::copy_options::overwrite_existing);
  const fs::path file = folder / "external_data.onnx";
  std::ofstream(file, std::ios::binary) << model.SerializeAsString();
  const std::string refusal = refusal_of(file);
  fs::remove_all(folder);
  return refusal;
}

TEST(BrokenModelTest, ExternalDataAreReadOnce) {
  // A small file must not fill the memory by being named again and again.
  const std::string refusal = refusal_of_edited([](onnx::ModelProto& model) {
    const onnx::TensorProto tensor = model.graph().initializer(0);
    for (int i = 0; i < 1000; ++i) {
      onnx::TensorProto& again = *model.mutable_graph()->add_initializer();
      again = tensor;
      again.set_name("again " + std::to_string(i));
    }
  });
  EXPECT_NE(refusal.find("is named more often than it has data"), std::string::npos) << refusal;
}

TEST(BrokenModelTest, ExternalDataThatWouldEndBeyondAllNumbersAreTooShort) {
  const std::string refusal = refusal_of_edited([](onnx::ModelProto& model) {
    for (auto& tensor : *model.mutable_graph()->mutable_initializer()) {
      for (auto& entry : *tensor.mutable_external_data()) {
        if (entry.key() == "offset") entry.set_value("9223372036854775807");
      }
    }
  });
  EXPECT_NE(refusal.find("is too short"), std::string::npos) << refusal;
}

}  // namespace
}  // namespace fibflow::model
