/** hudson.AbortException: an error that is shown without a stack trace. */
class AbortException extends Exception { AbortException(String message) { super(message) } }

/** FlowInterruptedException: somebody or something stopped the build; carries the result. */
class Interrupted extends Exception {
    final String result
    Interrupted(String result, String cause) { super(cause); this.result = result }
}

/** What only a mistake in the pipeline's text causes: Jenkins would not have started it, or has no such step. */
class Refused extends RuntimeException { Refused(String message) { super(message) } }

/** hudson.model.Result: a build's gets worse, never better. */
class Results {
    static final List<String> ORDER = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED']
    static String worse(String one, String other) {
        if (one == null || other == null) return one ?: other
        for (each in [one, other]) if (!(each in ORDER)) throw new Refused("no result is called $each")
        ORDER.indexOf(one) >= ORDER.indexOf(other) ? one : other
    }
    static String of(Throwable error) { error == null ? 'SUCCESS' : error instanceof Interrupted ? error.result : 'FAILURE' }
}
