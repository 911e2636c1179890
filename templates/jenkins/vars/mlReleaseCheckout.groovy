import org.mlrelease.Settings

/** Empties the workspace and checks out release.yml and the whole history, and no other file: no code of the authors. */
void call(Map options = [:]) {
    Settings settings = new Settings(options)
    deleteDir()
    checkout([
        $class: 'GitSCM',
        branches: env.ML_RELEASE_COMMIT ? [[name: env.ML_RELEASE_COMMIT]] : scm.branches,
        extensions: [
            [$class: 'CloneOption', shallow: false, noTags: true],
            [$class: 'SparseCheckoutPaths', sparseCheckoutPaths: [[path: '/' + settings.config]]],
        ],
        userRemoteConfigs: scm.userRemoteConfigs,
    ])
}
