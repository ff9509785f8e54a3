// Shows ThreadSanitizer what it cannot see. Only in builds with it: Debian's libtbb is not instrumented, so whatever one
// task did and a later task relies on looks like a race, because the queues and locks between them are invisible. The
// linker (--wrap, see CMakeLists.txt) sends the calls that our code makes into libtbb through here, and these tell of
// exactly the orders that TBB guarantees:
// - a task runs after it was spawned or returned,
// - a wait returns after what it waited for,
// - memory that TBB hands out is fresh.
// Nothing is suppressed: tasks that run at once stay unordered, and races between node bodies are found.

#include <oneapi/tbb/detail/_small_object_pool.h>
#include <oneapi/tbb/detail/_task.h>
#include <sanitizer/tsan_interface.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

namespace d1 = tbb::detail::d1;

/// Runs in place of a task, after everything that happened before it was spawned. So does the task that it returns: TBB
/// runs it next on this thread, or, where one with a priority has come, spawns it from inside for whoever is free.
class OrderedTask : public d1::task {
 public:
  explicit OrderedTask(d1::task& inner) : task_(inner) { __tsan_release(this); }

  d1::task* execute(d1::execution_data& data) override {
    __tsan_acquire(this);
    return followed_by(task_.execute(data));  // if it throws, TBB cancels the task next
  }
  d1::task* cancel(d1::execution_data& data) override {
    __tsan_acquire(this);
    return followed_by(task_.cancel(data));
  }

 private:
  d1::task* followed_by(d1::task* next) {
    delete this;
    return next == nullptr ? nullptr : new OrderedTask(*next);
  }

  d1::task& task_;
};

/// TBB's tasks count down when they are done, in a header and so visibly; the one who waits reads the count inside the
/// library. Reading it once more shows the order.
void see_the_end_of(d1::wait_context& wait) {
  constexpr std::size_t count_offset = sizeof(std::uint64_t);  // behind m_version_and_traits
  static_assert(sizeof(d1::wait_context) == 2 * sizeof(std::uint64_t), "another version of TBB");
  auto* bytes = reinterpret_cast<char*>(&wait) + count_offset;
  reinterpret_cast<std::atomic<std::uint64_t>*>(bytes)->load(std::memory_order_acquire);
}

void* fresh(std::size_t bytes) {
  constexpr std::size_t line = 64;
  void* memory = std::aligned_alloc(line, (bytes + line - 1) / line * line);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

// What TBB's pointer to a pool points to; nobody looks inside.
alignas(64) char no_pool[64];

}  // namespace

namespace tbb::detail::r1 {
class arena;
}

#define REAL(name) __real_##name
#define WRAP(name) __wrap_##name
#define SPAWN _ZN3tbb6detail2r15spawnERNS0_2d14taskERNS2_18task_group_contextE
#define SPAWN_AT _ZN3tbb6detail2r15spawnERNS0_2d14taskERNS2_18task_group_contextEt
#define SUBMIT _ZN3tbb6detail2r16submitERNS0_2d14taskERNS2_18task_group_contextEPNS1_5arenaEm
#define EXECUTE_AND_WAIT \
  _ZN3tbb6detail2r116execute_and_waitERNS0_2d14taskERNS2_18task_group_contextERNS2_12wait_contextES6_
#define WAIT _ZN3tbb6detail2r14waitERNS0_2d112wait_contextERNS2_18task_group_contextE
#define ALLOCATE _ZN3tbb6detail2r18allocateERPNS0_2d117small_object_poolEm
#define ALLOCATE_IN_TASK _ZN3tbb6detail2r18allocateERPNS0_2d117small_object_poolEmRKNS2_14execution_dataE
#define DEALLOCATE _ZN3tbb6detail2r110deallocateERNS0_2d117small_object_poolEPvm
#define DEALLOCATE_IN_TASK \
  _ZN3tbb6detail2r110deallocateERNS0_2d117small_object_poolEPvmRKNS2_14execution_dataE
#define EXPAND(macro, name) macro(name)

extern "C" {

void EXPAND(REAL, SPAWN)(d1::task&, d1::task_group_context&);
void EXPAND(WRAP, SPAWN)(d1::task& task, d1::task_group_context& context) {
  EXPAND(REAL, SPAWN)(*new OrderedTask(task), context);
}

void EXPAND(REAL, SPAWN_AT)(d1::task&, d1::task_group_context&, d1::slot_id);
void EXPAND(WRAP, SPAWN_AT)(d1::task& task, d1::task_group_context& context, d1::slot_id slot) {
  EXPAND(REAL, SPAWN_AT)(*new OrderedTask(task), context, slot);
}

void EXPAND(REAL, SUBMIT)(d1::task&, d1::task_group_context&, tbb::detail::r1::arena*, std::uintptr_t);
void EXPAND(WRAP, SUBMIT)(d1::task& task, d1::task_group_context& context, tbb::detail::r1::arena* arena,
                          std::uintptr_t critical) {
  EXPAND(REAL, SUBMIT)(*new OrderedTask(task), context, arena, critical);
}

void EXPAND(REAL, EXECUTE_AND_WAIT)(d1::task&, d1::task_group_context&, d1::wait_context&,
                                    d1::task_group_context&);
void EXPAND(WRAP, EXECUTE_AND_WAIT)(d1::task& task, d1::task_group_context& task_context,
                                    d1::wait_context& wait, d1::task_group_context& wait_context) {
  struct AtTheEnd {
    d1::wait_context& wait;
    ~AtTheEnd() { see_the_end_of(wait); }
  } const at_the_end{wait};
  EXPAND(REAL, EXECUTE_AND_WAIT)(task, task_context, wait, wait_context);
}

void EXPAND(REAL, WAIT)(d1::wait_context&, d1::task_group_context&);
void EXPAND(WRAP, WAIT)(d1::wait_context& wait, d1::task_group_context& context) {
  struct AtTheEnd {
    d1::wait_context& wait;
    ~AtTheEnd() { see_the_end_of(wait); }
  } const at_the_end{wait};
  EXPAND(REAL, WAIT)(wait, context);
}

void* EXPAND(WRAP, ALLOCATE)(d1::small_object_pool*& pool, std::size_t bytes) {
  pool = reinterpret_cast<d1::small_object_pool*>(no_pool);
  return fresh(bytes);
}
void* EXPAND(WRAP, ALLOCATE_IN_TASK)(d1::small_object_pool*& pool, std::size_t bytes,
                                     const d1::execution_data&) {
  pool = reinterpret_cast<d1::small_object_pool*>(no_pool);
  return fresh(bytes);
}
void EXPAND(WRAP, DEALLOCATE)(d1::small_object_pool&, void* memory, std::size_t) {
  std::free(memory);
}
void EXPAND(WRAP, DEALLOCATE_IN_TASK)(d1::small_object_pool&, void* memory, std::size_t,
                                      const d1::execution_data&) {
  std::free(memory);
}

}  // extern "C"
