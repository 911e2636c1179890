import org.mlrelease.Settings

/**
 * Runs a block with keys, in a workspace where nothing lies that the author of the change wrote, but release.yml as data.
 *
 * @param role whose keys: gate (approve) or deploy (deploy, rollback, audit)
 * @param records name of the stash with the records; empty: none are needed
 */
void call(String role, Map options, String records, Closure body) {
    Settings settings = new Settings(options)
    mlReleaseCheckout(options)
    if (records) {
        dir(settings.folder()) {
            unstash(records)
        }
    }
    // The records come from where the authors' code ran. Jenkins follows links when it archives and stashes: one to the
    // directory of the secret files would publish the keys (hudson.util.DirScanner, hudson.tasks.ArtifactArchiver).
    sh(label: 'no links', script: 'find . -path ./.git -prune -o -type l -print -exec rm -f {} +')
    mlReleaseInstalled(options, true) {
        withCredentials(bindings(settings, role)) {
            body()
        }
    }
}

private List bindings(Settings settings, String role) {
    List found = []
    if (settings.credentials.jenkins) {
        found << usernamePassword(credentialsId: settings.credentials.jenkins,
            usernameVariable: 'ML_RELEASE_JENKINS_USER', passwordVariable: 'ML_RELEASE_JENKINS_TOKEN')
    }
    if (settings.credentials[role]) {
        found << file(credentialsId: settings.credentials[role], variable: 'ML_RELEASE_SIGNING_KEY')
    }
    if (settings.credentials.mlflow) {
        found << usernamePassword(credentialsId: settings.credentials.mlflow,
            usernameVariable: 'MLFLOW_TRACKING_USERNAME', passwordVariable: 'MLFLOW_TRACKING_PASSWORD')
    }
    return found
}
