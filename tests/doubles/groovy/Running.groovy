/** A build in a thread of its own. */
class Running {
    final Build build
    private final Thread thread
    Running(Build build, Thread thread) { this.build = build; this.thread = thread }
    Build ended() { thread.join(60_000); assert !thread.alive, "still running: $build.log"; build }
    void reaches(String step) { Lab.until("$step of build $build.number") { build.of(step) || build.result } ; assert build.of(step), "$build.log" }
}
