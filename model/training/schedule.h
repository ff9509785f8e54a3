#pragma once

namespace fibflow::model {

enum class Schedule {
  one_cycle,  ///< up from peak / 25 over the first 30 %, then down to peak / 250000: Smith and Topin 2018, as
              ///< PyTorch's OneCycleLR, cosines both ways
  cosine,     ///< peak (1 + cos(pi progress)) / 2: Loshchilov and Hutter 2017, without restarts
  constant,
};

/// "one-cycle", "cosine", "constant".
const char* name_of(Schedule schedule);

/// The learning rate when `progress` of the training is done, in [0, 1]. Throws std::invalid_argument outside
/// it.
double learning_rate(Schedule schedule, double peak, double progress);

}  // namespace fibflow::model
