/**
 * Declarative Pipeline: refuses what its validator refuses, and runs in ModelInterpreter's order (pipeline-model-definition):
 * when(beforeOptions), options, when(beforeInput), input, when(beforeAgent), agent, when, environment, steps or stages, post.
 */
class Declarative {
    static final List<String> TOP = ['agent', 'options', 'parameters', 'environment', 'stages', 'post', 'triggers', 'tools']
    static final List<String> STAGE = ['agent', 'options', 'environment', 'when', 'input', 'steps', 'stages', 'post', 'tools', 'failFast']
    static final List<String> OPTIONS = [
        'disableRestartFromStage', 'skipDefaultCheckout', 'timeout', 'lock', 'buildDiscarder', 'disableConcurrentBuilds', 'timestamps',
        'preserveStashes', 'retry',
    ]
    static final List<String> STAGE_OPTIONS = ['timeout', 'lock', 'retry', 'timestamps', 'skipDefaultCheckout']
    static final List<String> WRAPPERS = ['timeout', 'lock', 'retry', 'timestamps']
    static final List<String> WHEN = ['beforeOptions', 'beforeInput', 'beforeAgent', 'expression']
    static final List<String> INPUT = ['message', 'id', 'ok', 'submitter', 'submitterParameter', 'parameters']
    static final List<String> PARAMETERS = ['string', 'choice', 'booleanParam', 'text', 'password']
    static final List<String> CONDITIONS = [
        'always', 'changed', 'fixed', 'regression', 'aborted', 'failure', 'success', 'unstable', 'unsuccessful', 'notBuilt', 'cleanup',
    ]

    private final Build build
    private final Script owner
    Declarative(Build build, Script owner) { this.build = build; this.owner = owner }

    void run(Closure text) {
        Map root = section('pipeline', TOP, text)
        for (needed in ['agent', 'stages']) if (root[needed] == null) throw new Refused("Missing required section \"$needed\"")
        root.options = root.options ? section('options', OPTIONS, root.options) : [:]
        root.post = root.post ? section('post', CONDITIONS, root.post) : [:]
        List<Map> stages = stagesOf(root.stages)
        if (root.parameters) defaults(collected('parameters', PARAMETERS, root.parameters))
        build.rec(step: 'pipeline', options: root.options.keySet() as List)
        Throwable error = null
        try {
            inAgent(root.agent, false) {
                withEnvironment(root.environment) {
                    wrapped(root.options) { error = inOrder(stages, root, null) }
                    error = post(root.post, error, null)
                }
            }
        } catch (Throwable thrown) { error = error ?: thrown }
        if (error != null) throw error
    }

    /** The sections of a block, by name; anything else in it is refused, as the validator does before a build starts. */
    private Map section(String where, List<String> known, Closure text) {
        Map found = [:]
        collect(where, known, text) { name, value ->
            if (found.containsKey(name)) throw new Refused("Multiple occurrences of the $name section in $where")
            found[name] = value
        }
        found
    }

    private List collected(String where, List<String> known, Closure text) {
        List found = []
        collect(where, known, text) { name, value -> found << [name, value] }
        found
    }

    private void collect(String where, List<String> known, Closure text, Closure take) {
        Closure block = (Closure) text.clone()
        Collector collector = new Collector(where, known, take, owner)
        block.delegate = collector
        block.resolveStrategy = Closure.DELEGATE_FIRST
        block.call()
        collector.close()
    }

    private List<Map> stagesOf(Closure text) {
        List<Map> stages = collected('stages', ['stage'], text).collect { each ->
            def (name, body) = each[1]
            if (!(name instanceof String) || !(body instanceof Closure)) throw new Refused('Expected a stage with a name and a block')
            Map stage = section("stage \"$name\"", STAGE, body) + [name: name]
            if ((stage.steps == null) == (stage.stages == null)) throw new Refused("Expected one of \"steps\" or \"stages\" for stage \"$name\"")
            stage.options = stage.options ? section("options of \"$name\"", STAGE_OPTIONS, stage.options) : [:]
            stage.post = stage.post ? section("post of \"$name\"", CONDITIONS, stage.post) : [:]
            if (stage.stages) stage.nested = stagesOf(stage.stages)
            if (stage.when) section("when of \"$name\"", WHEN, stage.when)
            stage
        }
        if (!stages) throw new Refused('No stages specified')
        stages
    }

    private void defaults(List found) {
        for (each in found) {
            Map given = (Map) each[1]
            def value = each[0] == 'choice' ? given.choices[0] : given.defaultValue ?: ''
            if (!build.params.containsKey(given.name)) build.params[given.name] = value
        }
        build.rec(step: 'parameters', names: found*.getAt(1)*.name)
    }

    private Throwable inOrder(List<Map> stages, Map root, Map parent) {
        Throwable error = null
        try {
            for (stage in stages) {
                if (error != null) { skipped(stage, 'earlier failure(s)'); continue }
                try { one(stage, root) } catch (Throwable thrown) { error = thrown }
            }
        } finally { if (parent != null) error = post(parent.post, error, parent.name) }
        error
    }

    private void skipped(Map stage, String why) {
        build.say("Stage \"$stage.name\" skipped due to $why")
        build.stages[stage.name] = 'SKIPPED'
        stage.nested?.each { skipped(it, why) }
    }

    private void one(Map stage, Map root) {
        build.checkCancelled()
        build.inStage(stage.name) {
            Map when = stage.when ? section('when', WHEN, stage.when) : null
            boolean asked = false, passed = when == null
            Closure goes = { boolean now -> if (!passed && !asked && now) { asked = true; passed = evaluate(when) }; passed || !asked }
            if (goes(when?.beforeOptions == true)) wrapped(stage.options) {
                if (goes(when?.beforeInput == true)) answered(stage.input) {
                    if (goes(when?.beforeAgent == true)) inAgent(stage.agent, !(root.options + stage.options).containsKey('skipDefaultCheckout')) {
                        if (goes(true)) withEnvironment(stage.environment) { body(stage, root) }
                    }
                }
            }
            if (!passed) skipped(stage, 'when conditional')
        }
    }

    private void body(Map stage, Map root) {
        Throwable error = null
        if (stage.nested) error = inOrder(stage.nested, root, stage)
        else {
            try { perform(stage.steps) } catch (Throwable thrown) { error = thrown }
            error = post(stage.post, error, stage.name)
        }
        if (error != null) throw error
    }

    private boolean evaluate(Map when) {
        if (!when.expression) throw new Refused('Empty when closure')
        perform(when.expression) as boolean
    }

    private Object perform(Closure text) {
        Closure block = (Closure) text.clone()
        block.delegate = owner
        block.resolveStrategy = Closure.DELEGATE_FIRST
        block.call()
    }

    private void inAgent(Object agent, boolean checkout, Closure inner) {
        Object kind = agent instanceof Closure ? section('agent', ['label', 'any', 'none'], agent) : agent
        if (kind == null || kind == 'none') { inner(); return }
        if (kind != 'any' && !(kind instanceof Map && kind.containsKey('label'))) throw new Refused("Invalid agent type $kind")
        build.onAgent(kind == 'any' ? '' : kind.label.toString()) {
            if (!checkout) { inner(); return }
            Map seen = build.steps.call('checkout', [build.controller.scm] as Object[])
            build.within(seen, inner)
        }
    }

    private void withEnvironment(Closure text, Closure inner) {
        if (text == null) { inner(); return }
        Map found = [:]
        Closure block = (Closure) text.clone()
        block.delegate = new Assigned(found, owner)
        block.resolveStrategy = Closure.DELEGATE_FIRST
        block.call()
        build.within(found.collectEntries { k, v -> [k, v.toString()] }, inner)
    }

    private void wrapped(Map options, Closure inner) {
        Closure all = inner
        for (name in (options.keySet().findAll { it in WRAPPERS } as List).reverse()) {
            def argument = options[name]
            Closure next = all
            all = { build.steps.call(name, (argument == true ? [next] : [argument, next]) as Object[]) }
        }
        all()
    }

    /** The `input` directive: before the stage's agent; what was said becomes environment variables of the stage. */
    private void answered(Closure text, Closure inner) {
        if (text == null) { inner(); return }
        Map asked = section('input', INPUT, text)
        if (asked.parameters instanceof Closure) {
            asked.parameters = collected('parameters', PARAMETERS, asked.parameters).collect { build.steps.call(it[0], [it[1]] as Object[]) }
        }
        def said = build.steps.call('input', [asked] as Object[])
        Map words = [:]
        if (said instanceof Map) words = said
        else if (asked.submitterParameter) words = [(asked.submitterParameter): said]
        else if (asked.parameters?.size() == 1) words = [(asked.parameters[0].name): said]
        build.within(words.collectEntries { k, v -> [k, v == null ? '' : v.toString()] }, inner)
    }

    /** Conditions see the result combined with the error that ends the stage or the build (BuildCondition.getCombinedResult). */
    private Throwable post(Map conditions, Throwable error, String stage) {
        for (name in CONDITIONS.findAll { conditions.containsKey(it) }) {
            String now = Results.worse(build.result, error == null ? null : Results.of(error)) ?: 'SUCCESS'
            if (stage != null && now == 'SUCCESS') now = build.stages[stage] in Results.ORDER ? build.stages[stage] : now
            boolean due = name in ['always', 'cleanup'] || name == now.toLowerCase()
            due = due || name == 'unsuccessful' && now != 'SUCCESS' || name == 'notBuilt' && now == 'NOT_BUILT'
            if (!due) continue
            build.rec(step: 'post', condition: name, of: stage)
            try { perform(conditions[name]) } catch (Throwable thrown) {
                build.say("Error when executing $name post condition: $thrown.message")
                error = error ?: thrown
            }
        }
        error
    }
}

/** What a block of sections is run against: each call is a section. Later, when its blocks run, names are the script's again. */
class Collector {
    private final String where
    private final List<String> known
    private final Closure take
    private final Script owner
    private boolean closed

    Collector(String where, List<String> known, Closure take, Script owner) {
        this.where = where
        this.known = known
        this.take = take
        this.owner = owner
    }

    def invokeMethod(String name, Object args) {
        if (this.@closed) return this.@owner.invokeMethod(name, args)
        Object[] given = (Object[]) args
        if (!(name in this.@known)) {
            throw new Refused("Undefined section \"$name\" in ${this.@where}; known are ${this.@known}")
        }
        def value = given.length == 0 ? true : given.length == 1 ? given[0] : given as List
        this.@take.call(name, value)
        value
    }

    def getProperty(String name) { !this.@closed && name in ['none', 'any'] ? name : this.@owner.getProperty(name) }

    void close() { this.@closed = true }
}

/** `environment { NAME = value }`. */
class Assigned {
    private final Map found
    private final Script owner
    Assigned(Map found, Script owner) { this.found = found; this.owner = owner }
    void setProperty(String name, Object value) { this.@found[name] = value }
    def getProperty(String name) { this.@found.containsKey(name) ? this.@found[name] : this.@owner.getProperty(name) }
    def invokeMethod(String name, Object args) { this.@owner.invokeMethod(name, args) }
}
