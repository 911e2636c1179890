package org.mlrelease

import com.cloudbees.groovy.cps.NonCPS

/**
 * What a Jenkinsfile says about its release: checked once, the same for every step, and kept while a build waits.
 *
 * A constructor runs without CPS, and so must what it calls: there are loops here and no closures, and no step is called.
 * Nothing is used that the sandbox of a folder's library does not let through; hence the plain Exception.
 */
class Settings implements Serializable {

    private static final long serialVersionUID = 1L

    private static final Map<String, Object> DEFAULTS = [
        config: 'release.yml',
        environment: '',
        policyFrom: 'origin/main',
        approvers: '',
        required: 1,
        timeoutHours: 72,
        input: 'MlRelease',
        waivers: false,
        gate: true,
        agent: '',
        deployAgent: null,
        mlflow: '',
        version: null,
        wheels: '',
        lock: '',
        mail: '',
        notify: null,
        credentials: [:],
    ]

    private static final Map<String, String> CREDENTIALS = [
        jenkins: 'ml-release-jenkins',
        gate: 'ml-release-gate',
        deploy: '',
        mlflow: '',
        candidateMlflow: '',
    ]

    /** Path of release.yml in the repository. */
    final String config
    /** Environment of release.yml; empty: its default. */
    final String environment
    /** Where the policy that judges is read; empty: where Jenkins says the protected branch is. */
    final String policyFrom
    /** User ids that may answer, separated by commas. */
    final String approvers
    /** How many of them must say yes. */
    final int required
    /** Hours that each of them has. */
    final int timeoutHours
    /** Id of the input, as release.yml's policy.approval.jenkins has it. */
    final String input
    /** Whether findings may be waived at the gate. */
    final boolean waivers
    /** Whether a person is asked: not where the environment says `approval: automatic`. */
    final boolean gate
    /** Label of agents that run the team's code. */
    final String agent
    /** Label of agents that get keys. */
    final String deployAgent
    /** Address of MLflow; empty: as the agents have it. */
    final String mlflow
    /** Version to install; empty: the newest; null: `ml-release` is on the agents' PATH. */
    final String version
    /** Name of a stash with wheels to install from. */
    final String wheels
    /** Name of the lock around deploy and rollback; empty: one for the job. */
    final String lock
    /** Mail addresses to tell that somebody is waited for. */
    final String mail
    /** Told the same text: a closure, e.g. around slackSend. */
    final Closure notify
    /** What for -> id of a Jenkins credential; empty: none. */
    final Map<String, String> credentials

    Settings(Map given) {
        Map all = filled('setting', DEFAULTS, given)
        this.config = text(all, 'config')
        this.environment = text(all, 'environment')
        this.policyFrom = text(all, 'policyFrom')
        this.approvers = text(all, 'approvers')
        this.required = whole(all, 'required')
        this.timeoutHours = whole(all, 'timeoutHours')
        this.input = text(all, 'input')
        this.waivers = all.get('waivers') == true
        this.gate = all.get('gate') == true
        this.agent = text(all, 'agent')
        this.deployAgent = all.get('deployAgent') == null ? this.agent : text(all, 'deployAgent')
        this.mlflow = text(all, 'mlflow')
        this.version = all.get('version') == null && !all.get('wheels') ? null : text(all, 'version')
        this.wheels = text(all, 'wheels')
        this.lock = text(all, 'lock')
        this.mail = text(all, 'mail')
        this.notify = all.get('notify')
        this.credentials = filled('credential', CREDENTIALS, all.get('credentials'))
        if (this.config.startsWith('/') || this.config.contains('..')) {
            throw new Exception("ml-release: config is ${this.config}, and must be a path in the repository")
        }
    }

    /** Refuses to ask nobody: an input without a submitter may be answered by everybody who may build. */
    @NonCPS
    void checkApprovers() {
        if (!approvers) {
            throw new Exception("ml-release: nobody may approve; approvers: 'alice,bob', as in release.yml")
        }
    }

    /** Returns the directory of release.yml, where the records are; a dot for the repository's own. */
    @NonCPS
    String folder() {
        int end = config.lastIndexOf('/')
        return end < 0 ? '.' : config.substring(0, end)
    }

    /** Returns what every command goes by, for withEnv. Jenkins removes a variable that is set to nothing. */
    @NonCPS
    List<String> variables() {
        return [
            'ML_RELEASE_CONFIG=' + config,
            'ML_RELEASE_ENVIRONMENT=' + environment,
        ] + (policyFrom ? ['ML_RELEASE_POLICY_FROM=' + policyFrom] : []) + (mlflow ? ['MLFLOW_TRACKING_URI=' + mlflow] : [])
    }

    @NonCPS
    private static Map filled(String what, Map defaults, Map given) {
        Map all = [:] + defaults
        for (entry in (given ?: [:]).entrySet()) {
            String name = entry.key
            if (!defaults.containsKey(name)) {
                String known = String.join(', ', defaults.keySet())
                throw new Exception("ml-release: no ${what} is called ${name}; there are ${known}")
            }
            all.put(name, entry.value)
        }
        return all
    }

    @NonCPS
    private static String text(Map all, String name) {
        return all.get(name) == null ? '' : all.get(name).toString().trim()
    }

    @NonCPS
    private static int whole(Map all, String name) {
        String found = text(all, name)
        if (!found.matches('[1-9][0-9]{0,4}')) {
            throw new Exception("ml-release: ${name} is ${found ?: 'empty'}, and must be a whole number from 1")
        }
        return found.toInteger()
    }

}
