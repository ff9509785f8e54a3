# The public face: what is installed, and nothing else. Each compiles alone, and includes of the project only what is in the
# list (tests/public_headers_test.cmake). At most 25.
set(FIBFLOW_PUBLIC_HEADERS
  # stacks in, slices out
  io/error.h
  io/formats/formats.h
  io/memory_stack.h
  io/phantom/phantom.h
  io/region.h
  io/slice.h
  io/stack.h
  io/stack_writer.h
  # a network on one image
  model/engine/workspace.h
  model/error.h
  model/kinds.h
  model/region.h
  model/statistics/drift.h
  model/statistics/estimator_rule.h
  model/statistics/statistics.h
  model/tile/inference.h
  model/tile/network.h
  model/tile/tile_plan.h
  model/training/unet.h
  # a whole run
  nodes/intensity/normalization.h
  nodes/statistics/rules.h
  nodes/tiles/layer.h
  pipeline/flow/run_hooks.h
  pipeline/options/options.h
  pipeline/segment/run.h)
