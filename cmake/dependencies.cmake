# Each dependency has one home: libtiff, zstd, libpng and pugixml in io, oneDNN and ONNX in model, oneTBB in pipeline.
find_package(Threads REQUIRED)
find_package(TIFF REQUIRED)
find_package(PNG REQUIRED)
find_package(pugixml REQUIRED)
find_package(dnnl REQUIRED)       # Debian's package asks for OpenCL's headers too; nothing here uses them
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Protobuf REQUIRED)
find_package(ONNX REQUIRED)
find_package(TBB REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
