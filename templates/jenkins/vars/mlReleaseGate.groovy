import groovy.transform.Field
import org.mlrelease.Settings

@Field
final List<String> WORDS = ['decision', 'reason', 'accept', 'waive', 'owner', 'until', 'waive_reason', 'condition']

/**
 * The human gate, as a stage without an agent: asks, and records each answer on an agent with keys.
 *
 * Milestones end older builds that still wait once a newer one got further: 10 when it asks, 20 when it was approved. A
 * build that deploys is past 30, where nobody ends it.
 */
void call(Map options = [:]) {
    Settings settings = new Settings(options)
    String records = 'ml-release-records'
    List<String> answered = []
    milestone(ordinal: 10)
    for (int asked = 0; asked < settings.required; asked++) {
        Map given = mlReleaseQuestion(options)
        answered << (given.approver ?: '').toString()
        String before = records
        node(settings.deployAgent) {
            mlReleaseTrusted('gate', options, before) {
                try {
                    mlReleaseStage('approve', options, words(given, answered), "${given.approver}: ${given.reason ?: 'no reason given'}")
                } finally {
                    // A no is kept as well as a yes: it ends the build, and its record is signed, too.
                    dir(settings.folder()) {
                        archiveArtifacts(artifacts: 'release/*/approvals/**', allowEmptyArchive: true)
                        stash(name: 'ml-release-approved', includes: 'release/**')
                    }
                }
            }
        }
        records = 'ml-release-approved'
    }
    milestone(ordinal: 20)
}

/** Every word is set, the empty ones too: nothing of the same name that is set elsewhere shows through. */
private List<String> words(Map given, List<String> answered) {
    List<String> all = ['ML_RELEASE_APPROVER=' + answered.join(';')]
    for (String word in WORDS) {
        all << "ML_RELEASE_${word.toUpperCase()}=${given[word] ?: ''}".toString()
    }
    return all
}
